"""Messages about drafts for a period after the end, while the cancellation that stops them waits. Pure."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from stripe_sync.core.money import shown
from stripe_sync.domain.actual.unowed_invoices import Sums
from stripe_sync.domain.model.stripe_invoices import StripeInvoice


def sentence(invoice: StripeInvoice, subscription: str, *, sums: Sums, finalizes_at: datetime | None) -> str:
    """Return the draft with both sums, when it goes out (UTC; None: it is stopped), and the way out."""
    sold, owed = (shown(Decimal(amount), invoice.currency) for amount in (sums.sold, sums.owed))
    when = f"is finalized at {finalizes_at:%Y-%m-%d %H:%M} UTC" if finalizes_at is not None else "is stopped"
    return (
        f"{invoice.id} of {subscription} {when} and sells a period that Stigg never sold: {owed} are owed before the end, "
        f"{sold} are not. Have its cancellation made, which stops it, or let it go with stripe-sync release."
    )
