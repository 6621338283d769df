"""Use that a draft of 0 will bill and does not show: metered lines are computed as it is finalized (SB 4.1). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from stripe_sync.core.ownership import FIELD
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.holds.stuck import find_standstill
from stripe_sync.domain.usage.ledger import BILLABLE
from stripe_sync.domain.usage.windows import Window


@dataclass(frozen=True)
class UnshownUse:
    """The known amount of the use, minor units before discounts and tax; ``is_known`` says that it is all of it."""

    amount: int
    is_known: bool


def stopped_drafts(invoices: Iterable[StripeInvoice], now: datetime) -> list[StripeInvoice]:
    """Return the drafts that show 0 and that nothing finalizes, without final usage invoices, which have lines of their own."""
    shown = [
        i for i in invoices if i.status == InvoiceStatus.DRAFT and not i.owed() and FIELD not in (i.metadata or {})
    ]
    return [i for i in shown if find_standstill(i, now=now, has_use=True) is not None]


def find_unshown_uses(
    stopped: Iterable[StripeInvoice], windows: Iterable[Window], assigned: Mapping[int, Invoice]
) -> dict[str, UnshownUse]:
    """Return the use of stopped drafts by id, without those that will bill none. ``assigned`` has the invoice of each window."""
    on: dict[str, list[Window]] = {}
    for window in windows:
        if window.id in assigned:
            on.setdefault(assigned[window.id].invoice, []).append(window)
    found = {draft.id: find_unshown_use(draft, on.get(draft.id, ())) for draft in stopped}
    return {id: use for id, use in found.items() if use is not None}


def find_unshown_use(draft: StripeInvoice, windows: Iterable[Window]) -> UnshownUse | None:
    """Return the use of a draft that shows none; None where it will bill none. ``windows`` are those of the draft."""
    its = list(windows)
    unread = draft.metered_items() - {window.measured.item for window in its}
    is_known = not unread and all(window.quantity is not None for window in its)
    amount = int(sum(window.balance(*BILLABLE).amount for window in its))
    return UnshownUse(amount, is_known) if amount or not is_known else None
