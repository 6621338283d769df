"""Settlement: what becomes of the windows of invoices that are drafts no more, and of windows that no invoice will bill.

Pure: the same inputs give the same decision; a step loads them, calls, and stores what was decided. Rules: BILLING 8 and 9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core import money
from stripe_sync.core.clock import epoch
from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage import drafts, metering
from stripe_sync.domain.usage.bills import LINE, Invoice, is_billed_by_meter, meter_on, window_of
from stripe_sync.domain.usage.ledger import BILLABLE, OPEN, Balance, Drain, Movement, UsageState
from stripe_sync.domain.usage.line_proof import Owner, billed_quantity, billed_together, rounding_on
from stripe_sync.domain.usage.windows import TermsRevision, Timeline, Window

FINAL = (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)
DELETED = "deleted"  # no status in Stripe: a person deleted the draft
ON_NEXT = "Put it on the next invoice by hand, or waive it."
REST_ON_NEXT = "Put the rest on the next invoice by hand, or waive it."
OWN_INVOICE = "Make an invoice for it by hand, or waive it."
VOIDED = "The invoice was voided. Bill it again by hand, or exclude it."
CREDITED = "It was credited by a credit note. Bill it again by hand, or exclude it."
FREE = "Nothing to bill, and no invoice to say so."
ROUNDED = "Stripe rounds its lines otherwise."


@dataclass(frozen=True)
class Decision:
    """Movements of the ledger, and a sentence for each amount that a person has to see."""

    drains: tuple[Drain, ...] = ()
    alerts: tuple[str, ...] = ()

    def __add__(self, other: Decision) -> Decision:
        return Decision(self.drains + other.drains, self.alerts + other.alerts)


NOTHING = Decision()


def finalized(assigned: Mapping[int, Invoice]) -> dict[int, Invoice]:
    """Return the invoices, by number of their window, that are drafts no more."""
    return {id: invoice for id, invoice in assigned.items() if invoice.status != InvoiceStatus.DRAFT}


def billed(windows: Iterable[Iterable[Window]]) -> list[Window]:
    """Return the windows that are billed, as their newest movement says, of those of some invoices."""
    return [window for its in windows for window in its if window.state is UsageState.BILLED]


def settle(
    windows: Sequence[Window], final: Mapping[int, Invoice], named: Mapping[str, Sequence[Window]], *, owner: Owner
) -> Decision:
    """Decide what becomes of the windows of invoices that are drafts no more.

    ``final`` is the invoice of a window by its number, ``named`` the windows whose newest movement names an invoice.
    """
    groups = {i.invoice: billed_together(_on(i, windows, final, named), i) for i in final.values()}
    decision = NOTHING
    for window in windows:
        if (invoice := final.get(window.id)) is not None:
            decision += settle_window(window, invoice, group=groups[invoice.invoice], owner=owner)
    return decision


def _on(
    invoice: Invoice, windows: Iterable[Window], final: Mapping[int, Invoice], named: Mapping[str, Sequence[Window]]
) -> list[Window]:
    """Return the windows of a finalized invoice: those that name it, and those that are to be settled by it."""
    here = {w.id: w for w in named.get(invoice.invoice, ())}
    return list(
        (here | {w.id: w for w in windows if w.id in final and final[w.id].invoice == invoice.invoice}).values()
    )


def settle_window(window: Window, invoice: Invoice, *, group: Sequence[Window], owner: Owner) -> Decision:
    """Decide on one window of an invoice that is a draft no more; ``group`` are those that its lines bill together."""
    if invoice.status == InvoiceStatus.VOID:
        voided = _drain(window, invoice, UsageState.REVERSED, (*BILLABLE, UsageState.BILLED), VOIDED)
        return voided if window.state is not UsageState.REVERSED else NOTHING
    if invoice.status == DELETED:
        return _settle_deleted(window, invoice)
    if window.state is UsageState.BILLED:
        credited = _drain(window, invoice, UsageState.REVERSED, (UsageState.BILLED,), CREDITED)
        return credited if is_credited(window, invoice, owner=owner) else NOTHING
    if invoice.status not in FINAL:
        return NOTHING
    if meter_on(window, invoice) is not None and window.quantity is not None:
        return _settle_by_meter(window, invoice, window.quantity)
    return _settle_by_lines(window, invoice, group=group, owner=owner)


def _settle_deleted(window: Window, invoice: Invoice) -> Decision:
    """Leave a window of a draft that a person deleted to a person: it is not billed by itself again."""
    what = f"draft {invoice.invoice} was deleted in Stripe"
    decision = _drain(window, invoice, UsageState.UNBILLABLE, BILLABLE, f"The {what}. {ON_NEXT}")
    alerts = (not_billed(window, f"the {what}", ON_NEXT, BILLABLE),) if window.balance(*BILLABLE).amount else ()
    return decision + Decision(alerts=alerts)


def _settle_by_meter(window: Window, invoice: Invoice, quantity: Decimal) -> Decision:
    """Settle a window that a finalized invoice bills by a meter: exactly, more than was used, or less."""
    is_exact = is_billed_by_meter(window, invoice, quantity)
    if drafts.was_finalized_immediately(invoice.stripe) and not is_exact:
        return NOTHING  # nothing could be sent for it in time: it goes on an invoice of our own
    has, used = metering.billed(invoice.stripe, window.measured.item)[1], window.terms.amount(quantity)
    shown = [money.shown(Decimal(amount), window.terms.currency) for amount in (has, used)]
    what = f"{invoice.invoice} bills {shown[0]} by a meter, and {shown[1]} was used"
    if is_exact or has > used:
        alerts = () if has <= used else (f"{window}: {what}. Credit the difference.",)
        return _drain(window, invoice, UsageState.BILLED, BILLABLE) + Decision(alerts=alerts)
    given_up = _drain(window, invoice, UsageState.UNBILLABLE, BILLABLE, f"{what}. {REST_ON_NEXT}")
    return given_up + Decision(alerts=(f"{window}: {what}. {REST_ON_NEXT}",))


def _settle_by_lines(window: Window, invoice: Invoice, *, group: Sequence[Window], owner: Owner) -> Decision:
    """Settle a window that our lines bill: all of it, the part that was verified before, or nothing."""
    on_it = billed_quantity(owner, window, invoice, group=group) if window.quantity is not None else None
    if on_it is not None and on_it == window.quantity:
        return _drain(window, invoice, UsageState.BILLED, BILLABLE)
    has_ours = bool(drafts.held(invoice.stripe, owner.signer))
    if drafts.was_finalized_immediately(invoice.stripe) and window.state in OPEN and not has_ours:
        return NOTHING  # it goes on an invoice of our own
    what, left = f"{invoice.invoice} was finalized without it", OPEN if on_it is not None else BILLABLE
    part = _drain(window, invoice, UsageState.BILLED, (UsageState.VERIFIED,)) if on_it is not None else NOTHING
    rest = _drain(window, invoice, UsageState.UNBILLABLE, left, f"{what}. {ON_NEXT}")
    return part + rest + Decision(alerts=(not_billed(window, what, ON_NEXT, left),))


def is_credited(window: Window, invoice: Invoice, *, owner: Owner) -> bool:
    """Return whether credit notes took back everything that an invoice bills of a window."""
    credited = invoice.stripe.credited or {}
    amounts = {}
    for line in invoice.stripe.lines.data:
        key = owner.signer.key_of((line.metadata or {}).get(FIELD)) or ""
        if key.startswith(f"{LINE}:") and window_of(key) == (window.charge, epoch(window.start)):
            amounts[line.id] = line.amount
    billed = sum(amounts.values())
    return bool(credited) and billed > 0 and sum(credited.get(id, 0) for id in amounts) >= billed


def abandon(
    windows: Iterable[Window], assigned: Mapping[int, Invoice], revisions: Mapping[Timeline, Sequence[TermsRevision]]
) -> Decision:
    """Give up the open windows of subscriptions that others ended in Stripe, with no invoice to go on."""
    decision = NOTHING
    for window in windows:
        last = revisions[window.subscription, window.charge][-1]
        if window.state in OPEN and window.id not in assigned and last.terms is None and last.why == "stripe":
            decision += _give_up(window)
    return decision


def _give_up(window: Window) -> Decision:
    what = f"{window.subscription} was canceled in Stripe"
    alerts = (not_billed(window, what, OWN_INVOICE, OPEN),) if window.balance(*OPEN).amount else ()
    return _drain(window, None, UsageState.UNBILLABLE, OPEN, f"{what}. {OWN_INVOICE}") + Decision(alerts=alerts)


def waive_free(windows: Iterable[Window]) -> Decision:
    """Waive windows that cost nothing and have no invoice."""
    return sum((_drain(window, None, UsageState.WAIVED, OPEN, FREE) for window in windows), NOTHING)


def book_rounding(window: Window, invoice: Invoice, named: Iterable[Window], *, owner: Owner) -> list[Movement]:
    """Return the movement that makes a billed window's amount what Stripe charged; none where it is that already.

    ``rounded`` has the minor units that the ledger has and Stripe did not bill; negative where it billed more.
    """
    if window.state is not UsageState.BILLED:
        return []
    more = rounding_on(owner, window, invoice, named=named) + window.balance(UsageState.ROUNDED).amount
    movement = Movement(
        window=window.id,
        source=UsageState.ROUNDED,
        target=UsageState.BILLED,
        balance=Balance(amount=more),
        invoice=invoice.invoice,
        reason=ROUNDED,
    )
    return [movement] if more else []


def not_billed(window: Window, what: str, proposal: str, states: Sequence[UsageState]) -> str:
    """Return the sentence on what is not billed of a window: what lies in these states."""
    left = window.balance(*states)
    return (
        f"{money.plain(left.quantity)} of {window.measured.feature} of {window.measured.subscription} "
        f"({money.shown(left.amount, window.terms.currency)}, row {window.id}) are not billed: {what}. {proposal}"
    )


def _drain(
    window: Window, invoice: Invoice | None, target: UsageState, sources: Sequence[UsageState], reason: str = ""
) -> Decision:
    id = invoice.invoice if invoice is not None else None
    return Decision((Drain(window=window.id, sources=tuple(sources), target=target, invoice=id, reason=reason),))
