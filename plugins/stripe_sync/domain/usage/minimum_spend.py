"""Coverage of a minimum spend: exactly the sum that its lines charged in advance for the period (BILLING 3). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from stripe_sync.core import keys
from stripe_sync.core.clock import epoch
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.windows import Window

FINAL = ("open", "paid", "uncollectible")  # finalized, and not void
LONGEST = {"month": timedelta(days=32), "year": timedelta(days=367)}  # a period by its interval
CHARGE = 4  # the place of the charge in a price's link key


def is_minimum(key: str) -> bool:
    """Return whether a link key is that of a minimum spend's price."""
    parts = key.split(":")
    return len(parts) > CHARGE and parts[CHARGE] == keys.MINIMUM


def looked_for_since(bound: datetime, interval: str) -> datetime:
    """From when on the invoices were made that charged a minimum for the period that ends at a moment."""
    return bound - LONGEST[interval]


def read_since(invoice: Invoice, windows: Sequence[Window]) -> datetime | None:
    """Return since when (UTC) the invoices are read that may have charged a minimum in advance for a draft's windows.

    None where no minimum holds for one of them, and for an invoice that is no draft.
    """
    under = [window for window in windows if window.terms.minimum is not None]
    if not under or invoice.status != InvoiceStatus.DRAFT:
        return None
    return looked_for_since(invoice.bound, under[0].terms.content["interval"])


def is_charged(invoice: StripeInvoice) -> bool:
    """Return whether an invoice is charged: finalized and not void, or a draft that is finalized automatically."""
    return invoice.status in FINAL or (invoice.status == InvoiceStatus.DRAFT and bool(invoice.auto_advance))


def lines_of_items(invoices: Iterable[StripeInvoice]) -> Iterator[tuple[StripeInvoice, InvoiceLine, str]]:
    """(invoice, line, subscription item) of each line of a subscription's item, prorations too."""
    for invoice in invoices:
        for line in invoice.lines.data:
            details = line.origin.subscription_item_details or line.origin.invoice_item_details
            yield invoice, line, (details.subscription_item if details is not None else None) or ""


def covered(invoices: Iterable[StripeInvoice], minimums: Collection[str], *, start: datetime, bound: datetime) -> int:
    """The minor units that were charged in advance for [start, bound), before discounts and without what was credited.

    ``minimums`` are the ids of the prices of minimum spends; an item that has, or had, one of them is a minimum at any price.
    """
    found = list(lines_of_items(invoices))
    items = {item for _, line, item in found if item and line.price() in minimums}
    total = 0
    for invoice, line, item in found:
        its = line.price() in minimums or item in items
        inside = line.period.start < epoch(bound) and line.period.end > epoch(start)
        if its and inside and is_charged(invoice):
            total += line.amount - (invoice.credited or {}).get(line.id, 0)
    return max(0, total)
