"""The renewal of an invoice, from the lines of its subscription's items (BILLING 7 and 8). Pure; Unix seconds, UTC.

The last renewal of a subscription, without an invoice, is ``billing_periods.renewed_at``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice

CYCLE: Final = "subscription_cycle"
TOLERANCE: Final = 60  # seconds by which an invoice's period may differ from its lines' (SB 1.10)


def renewal_of(invoice: StripeInvoice) -> int | None:
    """Return the time of the renewal of an invoice; None for any other invoice.

    Lines of licensed items begin at that time, lines of metered items end at it; ``created`` is seconds or minutes later. The
    billing reason is not enough: the last invoice of a cancellation also has ``subscription_cycle``, with prorations only
    (FACTS_A 32).
    """
    if invoice.billing_reason != CYCLE:
        return None
    times = (line.period.end if is_over(line, invoice) else line.period.start for line in item_lines(invoice))
    time = max(times, default=None)
    return time if time is not None and abs(time - invoice.period_end) <= TOLERANCE else None


def is_renewal(invoice: StripeInvoice) -> bool:
    """Return whether an invoice is from a renewal."""
    return renewal_of(invoice) is not None


def item_lines(invoice: StripeInvoice) -> Iterator[InvoiceLine]:
    """Yield the lines of a subscription's items, without prorations."""
    for line in invoice.lines.data:
        details = line.origin.subscription_item_details
        if details is not None and not details.proration:
            yield line


def is_over(line: InvoiceLine, invoice: StripeInvoice) -> bool:
    """Return whether a line's period was over when its invoice was created: metered usage, not a charge in advance."""
    return line.period.end <= invoice.created
