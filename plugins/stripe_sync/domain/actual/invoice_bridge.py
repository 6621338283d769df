"""Bridge from an invoice's total to the amount due (BILLING 13). Pure."""

from __future__ import annotations

from stripe_sync.domain.model.stripe_invoices import StripeInvoice


def bridge(invoice: StripeInvoice) -> dict[str, int]:
    """Return ``total``, the applied customer ``balance`` and the amount ``due`` of an invoice.

    Minor units; ``balance`` is negative where a credit was used or a small amount was left as a debt (FACTS_A 20-22).
    """
    balance = 0 if invoice.ending_balance is None else invoice.starting_balance - invoice.ending_balance
    return {"total": invoice.total, "balance": balance, "due": invoice.total + balance}
