"""Renewal drafts whose tax Stripe cannot compute, as the drafts themselves show it (BILLING 9, SB 17.2, 17.3, 21.12). Pure.

Stripe would finalize such a draft without tax and switch automatic tax off for good, or let its finalization fail. It is held
before that, and waits for a person.
"""

from __future__ import annotations

from stripe_sync.domain.actual.renewals import CYCLE
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.holds.stuck import WAYS_OUT, Stuck, StuckCause

UNUSABLE = frozenset({"requires_location_inputs", "failed"})
REASON = "Stripe cannot compute its tax."  # of a hold


def problem_of(invoice: StripeInvoice) -> str | None:
    """Return the ``automatic_tax.status`` of a renewal's draft that cannot be taxed; None for any other invoice."""
    tax = invoice.automatic_tax
    if invoice.status != InvoiceStatus.DRAFT or invoice.billing_reason != CYCLE or tax is None or not tax.enabled:
        return None
    return tax.status if tax.status in UNUSABLE else None


def row(invoice: Invoice) -> Stuck:
    """Return what a person reads of a draft that cannot be taxed, and when it goes out as it is."""
    at = invoice.finalizes_at
    until = f"goes out as it is at {at:%Y-%m-%d %H:%M} UTC" if at else "is held until you release it"
    amount = invoice.stripe.owed()
    return Stuck(
        invoice.invoice,
        invoice.subscription,
        "draft",
        invoice.stripe.currency,
        amount,
        why=f"Stripe cannot tax (automatic_tax.status {problem_of(invoice.stripe)})",
        way=f"{WAYS_OUT[StuckCause.UNTAXABLE]}; it {until}",
        cause=StuckCause.UNTAXABLE,
    )
