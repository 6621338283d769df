"""Endings of subscriptions (BILLING 7). E is Stigg's end, R is Stripe's last renewal; Unix seconds, UTC.

Pure: the plan decides from the snapshot, and the write decides again from Stripe's current state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stripe_sync.domain.actual.renewals import renewal_of
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus

MINUTE = 60
LEAD = 2 * 3600  # seconds before the next renewal; a cancellation no longer waits then
MARGIN = 300  # seconds until the finalization of a draft whose time has passed


class EndingStep(StrEnum):
    """Next step of a subscription that ends."""

    LATER = "later"
    WAIT_INVOICE = "wait_invoice"
    WAIT_PROOF = "wait_proof"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Collected:
    """A draft or an open invoice, and whether Stripe collects it automatically.

    ``finalizes_at`` is a draft's finalization time; ``begins`` is the renewal that created it. With ``is_ours`` the pipeline
    stopped it until its usage is verified. ``amount`` is the remaining amount, minor units; ``tried_at`` is the next payment
    attempt of an open invoice. Times are Unix seconds.
    """

    id: str
    status: str
    auto_advance: bool
    finalizes_at: int | None = None
    attempted: bool = False
    method: str = "charge_automatically"
    subscription: str | None = None
    begins: int | None = None
    is_ours: bool = False
    currency: str = ""
    amount: int = 0
    tried_at: int | None = None

    def is_settled(self) -> bool:
        """Return whether a cancellation does not change it: final and attempted, or stopped by a person or a pause."""
        if not self.auto_advance and self.status in COLLECTIBLE:
            return not self.is_ours
        return self.status != InvoiceStatus.DRAFT and (
            self.status != InvoiceStatus.OPEN or self.attempted or self.method == "send_invoice"
        )


@dataclass(frozen=True)
class Ending:
    """Input of the decision; ``renewed`` is R, None before the first renewal.

    ``invoices`` are the known drafts and open invoices of the subscription. ``next_renewal`` is the earliest end of an item's
    current period without ``cancel_at``. With ``unproven`` some usage is not verified on an invoice.
    """

    end: int
    renewed: int | None
    next_renewal: int
    now: int
    invoices: Sequence[Collected] = ()
    unproven: bool = False

    def is_stopped(self) -> bool:
        """Return whether a person or a pause has stopped the invoice of the last renewal."""
        return any(
            i.status in COLLECTIBLE and not i.auto_advance and not i.is_ours and i.begins == self.renewed
            for i in self.invoices
        )


@dataclass(frozen=True)
class Decision:
    """Next step of an ending, with its reason; ``sold_after``: the last renewal sold a period after E."""

    kind: EndingStep
    why: str
    sold_after: bool = False


def is_sold_after(begins: int, end: int) -> bool:
    """Return whether a period begins after E, or less than a minute before it: Stigg never sold it."""
    return end <= begins + MINUTE


def decide(e: Ending) -> Decision:
    """Decide the next step of an ending."""
    if e.end > e.now:
        return Decision(EndingStep.LATER, "Its end has not come.")
    if e.renewed is not None and is_sold_after(e.renewed, e.end):
        return Decision(EndingStep.CANCEL, "Its renewal sold a period that Stigg never sold.", sold_after=True)
    if e.next_renewal - e.now <= LEAD:
        return Decision(EndingStep.CANCEL, "Its next renewal would come first.")
    open_invoices = [i.id for i in e.invoices if not i.is_settled()]
    if open_invoices:
        return Decision(
            EndingStep.WAIT_INVOICE, f"It is canceled once {', '.join(open_invoices)} is finalized and collected once."
        )
    if e.is_stopped():
        return Decision(
            EndingStep.CANCEL, "Its last invoice is stopped already, and a cancellation changes nothing about that."
        )
    if e.unproven:
        return Decision(EndingStep.WAIT_PROOF, "Its usage is not proven on an invoice yet; it is canceled after that.")
    return Decision(EndingStep.CANCEL, "Everything that it owes is on a finalized invoice.")


@dataclass(frozen=True)
class GiveBack:
    """An invoice whose collection is switched on again; ``moment`` is a draft's finalization time, None for an open invoice."""

    invoice: str
    moment: int | None


def unowed(found: Iterable[Collected], subscription: str, end: int | None) -> frozenset[str]:
    """Return the ids of a subscription's invoices that sell a period after its end; empty without an end."""
    if end is None:
        return frozenset()
    return frozenset(
        i.id for i in found if i.subscription == subscription and i.begins is not None and is_sold_after(i.begins, end)
    )


def to_give_back(
    before: Sequence[Collected], current: Mapping[str, Collected], *, not_owed: Collection[str], now: int
) -> list[GiveBack]:
    """Return the owed invoices that a cancellation stopped: each had ``auto_advance`` before it."""
    result = []
    for was in before:
        now_invoice = current.get(was.id)
        if not was.auto_advance or was.id in not_owed or now_invoice is None or now_invoice.status not in COLLECTIBLE:
            continue
        moment = None
        if now_invoice.status == InvoiceStatus.DRAFT:
            moment = max(was.finalizes_at or now, now + MARGIN)
        is_time_shifted = (
            now_invoice.status == InvoiceStatus.DRAFT
            and was.finalizes_at is not None
            and now_invoice.finalizes_at != was.finalizes_at
        )
        if not now_invoice.auto_advance or (is_time_shifted and now_invoice.finalizes_at is None):
            result.append(GiveBack(was.id, moment))
    return result


def collected(invoice: StripeInvoice) -> Collected:
    """Return the fields of a Stripe invoice that the decision needs."""
    return Collected(
        id=invoice.id,
        status=invoice.status,
        auto_advance=bool(invoice.auto_advance),
        finalizes_at=invoice.automatically_finalizes_at,
        attempted=bool(invoice.attempted),
        method=invoice.collection_method or "charge_automatically",
        subscription=invoice.subscription(),
        begins=renewal_of(invoice),
        currency=invoice.currency,
        amount=invoice.amount_remaining,
        tried_at=invoice.next_payment_attempt,
    )


def end_in_period(end: int, natural_ends: Sequence[int]) -> int | None:
    """Return the ``cancel_at`` of a future end; None while it is in a later period of some item (BILLING 7).

    An end within a minute of the end of a current period becomes exactly that time; otherwise a period of seconds would be
    sold.
    """
    near = [period_end for period_end in natural_ends if abs(period_end - end) <= MINUTE]
    target = min(near) if near else end
    return target if natural_ends and all(target <= period_end for period_end in natural_ends) else None
