"""How a subscription ends, in order of time (BILLING 7). E is Stigg's end, R is Stripe's last renewal; Unix seconds, UTC.

Pure: the plan decides from the mirror, and the write decides again from what Stripe shows at that moment.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from stripe_sync.core.money import shown
from stripe_sync.domain.actual.renewals import renewal_of
from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus

MINUTE = 60
LEAD = 2 * 3600  # seconds before the next renewal at which a cancellation waits no more
MARGIN = 300  # seconds from now at which a draft whose own time has passed is finalized
COLLECT_OR_VOID = "Bill that once: collect it by hand, or void it where the final usage invoice bills the same use."


class EndingStep(StrEnum):
    """Next step of a subscription that ends."""

    LATER = "later"
    WAIT_INVOICE = "wait_invoice"
    WAIT_PROOF = "wait_proof"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Collected:
    """A draft or an open invoice, and whether Stripe collects it by itself.

    ``finalizes_at`` is a draft's time in Unix seconds; ``begins`` is the renewal that made it.
    ``is_ours``: the pipeline stopped it until its usage is proven. ``amount`` is what it asks for, minor units;
    ``tried_at`` is when Stripe tries an open one again.
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
        """Return whether a cancellation changes nothing about it: final and tried, or stopped by another than us."""
        if not self.auto_advance and self.status in COLLECTIBLE:
            return not self.is_ours
        return self.status != InvoiceStatus.DRAFT and (
            self.status != InvoiceStatus.OPEN or self.attempted or self.method == "send_invoice"
        )


@dataclass(frozen=True)
class Ending:
    """What the decision is made from; ``renewed`` is R, None before the first renewal.

    ``invoices`` are the drafts and open invoices of the subscription that are known. ``next_renewal`` is the first end
    of a running period as it would be without ``cancel_at``.
    """

    end: int
    renewed: int | None
    next_renewal: int
    now: int
    invoices: Sequence[Collected] = ()
    unproven: bool = False

    def is_stopped(self) -> bool:
        """Return whether a person, or a pause, has stopped the invoice of the last renewal."""
        return any(
            i.status in COLLECTIBLE and not i.auto_advance and not i.is_ours and i.begins == self.renewed
            for i in self.invoices
        )


@dataclass(frozen=True)
class Decision:
    """What is done now. ``sold_after``: the last renewal sold a period that Stigg never sold."""

    kind: EndingStep
    why: str
    sold_after: bool = False


def is_sold_after(begins: int, end: int) -> bool:
    """Return whether a period that begins at a moment was never sold in Stigg: E is before it, or within a minute."""
    return end <= begins + MINUTE


def decide(e: Ending) -> Decision:
    """Return what is done about a subscription whose end is E, at this moment."""
    if e.end > e.now:
        return Decision(EndingStep.LATER, "Its end has not come.")
    if e.renewed is not None and is_sold_after(e.renewed, e.end):
        return Decision(EndingStep.CANCEL, "Its renewal sold a period that Stigg never sold.", sold_after=True)
    if e.next_renewal - e.now <= LEAD:
        return Decision(EndingStep.CANCEL, "Its next renewal would come first.")
    unsettled = [i.id for i in e.invoices if not i.is_settled()]
    if unsettled:
        return Decision(
            EndingStep.WAIT_INVOICE, f"It is canceled once {', '.join(unsettled)} is finalized and collected once."
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
    """An invoice whose collection is switched on again; ``moment`` is the time of a draft, None for an open invoice."""

    invoice: str
    moment: int | None


def unowed(found: Iterable[Collected], subscription: str, end: int | None) -> frozenset[str]:
    """Return the ids of the invoices of a subscription that sell a period after its end."""
    if end is None:
        return frozenset()
    return frozenset(
        i.id for i in found
        if i.subscription == subscription and i.begins is not None and is_sold_after(i.begins, end)
    )  # fmt: skip


def to_give_back(
    before: Sequence[Collected], now_there: Mapping[str, Collected], *, not_owed: Collection[str], now: int
) -> list[GiveBack]:
    """Return the invoices that a cancellation stopped and that are owed: each had ``auto_advance=true`` before it."""
    result = []
    for was in before:
        there = now_there.get(was.id)
        if not was.auto_advance or was.id in not_owed or there is None or there.status not in COLLECTIBLE:
            continue
        moment = None
        if there.status == InvoiceStatus.DRAFT:
            moment = max(was.finalizes_at or now, now + MARGIN)
        moved = (
            there.status == InvoiceStatus.DRAFT
            and was.finalizes_at is not None
            and there.finalizes_at != was.finalizes_at
        )
        if not there.auto_advance or (moved and there.finalizes_at is None):
            result.append(GiveBack(was.id, moment))
    return result


def collected(body: Mapping[str, Any]) -> Collected:
    """Return an invoice of Stripe's as what the decision needs of it."""
    details = (body.get("parent") or {}).get("subscription_details") or {}
    owner = details.get("subscription")
    return Collected(
        id=body["id"], status=body["status"], auto_advance=bool(body.get("auto_advance")),
        finalizes_at=body.get("automatically_finalizes_at"), attempted=bool(body.get("attempted")),
        method=body.get("collection_method") or "charge_automatically",
        subscription=str(owner["id"] if isinstance(owner, dict) else owner) if owner else None,
        begins=renewal_of(body), currency=body.get("currency") or "", amount=int(body.get("amount_remaining") or 0),
        tried_at=body.get("next_payment_attempt"),
    )  # fmt: skip


@dataclass(frozen=True)
class Sums:
    """What the lines of an invoice come to that sells a period after the end; minor units, after discounts and with tax.

    ``owed`` is for time before E, ``sold`` for time from E on, or from within a minute before it. ``movable`` is what of ``owed`` our own lines bill;
    ``persons`` are the ids of the other lines before E: credits, lines of meters, foreign lines.
    """

    owed: int
    sold: int
    movable: int
    persons: tuple[str, ...]

    def is_owed_whole(self, status: str) -> bool:
        """Return whether nothing is for time after the end, and not all of the rest is use that goes from a draft to the final invoice."""
        return not self.sold and self.owed > (self.movable if status == InvoiceStatus.DRAFT else 0)


def split(lines: Iterable[Mapping[str, Any]], end: int, own: Collection[str]) -> Sums:
    """Divide the lines of such an invoice; ``own`` are the ids of our lines of use."""
    owed = sold = movable = 0
    persons = []
    for line in lines:
        amount = charged(line)
        if is_sold_after(line["period"]["start"], end):
            sold += amount
            continue
        owed += amount
        if line["id"] in own and amount >= 0:
            movable += amount
        elif amount:
            persons.append(str(line["id"]))
    return Sums(owed, sold, movable, tuple(persons))


def charged(line: Mapping[str, Any]) -> int:
    """Return what a line adds to the total of its invoice, minor units: less its discounts, with its exclusive tax."""
    off = sum(int(d["amount"]) for d in line.get("discount_amounts") or ())
    tax = sum(int(t["amount"]) for t in line.get("taxes") or () if t.get("tax_behavior") == "exclusive")
    return int(line["amount"]) - off + tax


def end_in_period(end: int, natural_ends: Sequence[int]) -> int | None:
    """Return the ``cancel_at`` for an end to come; None while it lies in a later period of some item (BILLING 7).

    An end within a minute of the end of a running period is that very second: else a period of seconds would be sold.
    """
    near = [bound for bound in natural_ends if abs(bound - end) <= MINUTE]
    wanted = min(near) if near else end
    return wanted if natural_ends and all(wanted <= bound for bound in natural_ends) else None


def renewed_after_end(invoice: str, status: str, currency: str, sums: Sums, *, doubt: str = "") -> str:
    """Return what a person reads about a renewal that sold a period after the end (RENEWED_AFTER_END).

    ``doubt`` is a sentence on an end of which nobody knows whether it came before the renewal.
    """
    owed, sold = (shown(Decimal(amount), currency) for amount in (sums.owed, sums.sold))
    says = f"{invoice} ({status}) sells a period that Stigg never sold: {owed} are owed before the end, {sold} are not."
    if doubt:
        says = (
            f"{invoice} ({status}) may sell a period after the end: {owed} are for the time before, {sold} for the time "
            f"after. {doubt} If it is owed, collect it by hand; else:"
        )
    elif sums.is_owed_whole(status):
        says = f"{invoice} ({status}) came after the end and sells nothing after it: {owed} are owed."
    if sums.movable and not doubt and status == InvoiceStatus.DRAFT:
        says += f" {shown(Decimal(sums.movable), currency)} of use go on the final invoice."
    if sums.persons:
        says += f" Its lines {', '.join(sums.persons)} need a person."
    way = COLLECT_OR_VOID if sums.is_owed_whole(status) else way_out(status, sold, is_rest_owed=sums.owed > 0)
    return f"{says} {way}"


def way_out(status: str, sold: str, *, is_rest_owed: bool) -> str:
    """Return how a person takes back what such a renewal sold (BILLING 7); ``sold`` is that amount as people read it."""
    if status == InvoiceStatus.DRAFT:
        return (
            "Finalize it with auto_advance off, then void it; if Stripe marks it paid at once, since the customer's balance "
            "covers it, credit the whole of it by a credit note instead."
        )
    rest = " Then collect the rest of it." if status == InvoiceStatus.OPEN and is_rest_owed else ""
    return f"Credit {sold} of it by a credit note.{rest}"


def is_settled_after_end(body: Mapping[str, Any], sums: Sums) -> bool:
    """Return whether what an invoice sold after the end is void or credited, and one that sold nothing collected or void."""
    if sums.is_owed_whole(body["status"]):
        return body["status"] in (InvoiceStatus.PAID, InvoiceStatus.VOID, InvoiceStatus.UNCOLLECTIBLE) or bool(
            body.get("auto_advance")
        )
    names = ("pre_payment_credit_notes_amount", "post_payment_credit_notes_amount")
    credited = sum(int(body.get(name) or 0) for name in names)
    return bool(
        body["status"] == InvoiceStatus.VOID or (body["status"] != InvoiceStatus.DRAFT and credited >= sums.sold)
    )
