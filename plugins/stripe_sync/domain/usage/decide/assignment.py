"""The invoice of each window, and the drafts on which usage is still missing. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.windows import Window


def may_bill(invoice: Invoice, window: Window) -> bool:
    """Return whether a window may be on an invoice; one that sells a period after the end bills what it did as it became final."""
    return not invoice.stripe.unowed or (invoice.status != InvoiceStatus.DRAFT and window.invoice == invoice.invoice)


def assign(windows: Iterable[Window], invoices: Iterable[Invoice]) -> dict[int, Invoice]:
    """Return the invoice of each window: the one that it is on, else the first whose renewal came at its end or later.

    ``invoices`` are in the order of their bounds. A window that no invoice may bill is left out.
    """
    seen = list(invoices)
    by_id = {invoice.invoice: invoice for invoice in seen}
    by_subscription: dict[str, list[Invoice]] = {}
    for invoice in seen:
        by_subscription.setdefault(invoice.subscription, []).append(invoice)
    found = {w.id: _invoice_of(w, by_id, by_subscription.get(w.subscription, ())) for w in windows}
    return {id: invoice for id, invoice in found.items() if invoice is not None}


def _invoice_of(window: Window, by_id: Mapping[str, Invoice], its: Sequence[Invoice]) -> Invoice | None:
    named = by_id.get(window.invoice or "")
    if named is not None and may_bill(named, window):
        return named
    later = [i for i in its if may_bill(i, window) and i.bound >= window.end]
    first = [i for i in later if i.bound == later[0].bound]
    waited = [i for i in first if not drafts.was_finalized_immediately(i.stripe)]  # else the one that was made for it
    return next(iter(waited or first), None)


def unproven(waiting: Iterable[Window], seen: Iterable[Invoice], blocked: Collection[str]) -> list[Invoice]:
    """Return the drafts on which a window is still missing, and those of subscriptions that cannot be counted (``blocked``)."""
    open_windows = list(waiting)
    return [
        invoice
        for invoice in seen
        if invoice.status == InvoiceStatus.DRAFT
        and (invoice.subscription in blocked or any(_is_on(window, invoice) for window in open_windows))
    ]


def _is_on(window: Window, invoice: Invoice) -> bool:
    is_its = window.invoice == invoice.invoice or (window.invoice is None and window.end <= invoice.bound)
    return window.subscription == invoice.subscription and is_its and may_bill(invoice, window)
