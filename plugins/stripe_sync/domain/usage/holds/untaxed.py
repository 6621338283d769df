"""Renewal drafts whose tax Stripe cannot compute, as the drafts themselves show it (BILLING 9, SB 17.2, 17.3, 21.12). Pure.

Stripe would finalize such a draft without tax and switch automatic tax off for good, or let its finalization fail. It is held
before that, and waits for a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.renewals import CYCLE
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.holds.stuck import WAYS_OUT, Stuck, StuckCause
from stripe_sync.domain.usage.holds.watched import WatchedInvoice

UNUSABLE = frozenset({"requires_location_inputs", "failed"})
REASON = "Stripe cannot compute its tax."  # of a hold


def problem_of(body: Mapping[str, Any]) -> str | None:
    """Return the ``automatic_tax.status`` of a renewal's draft that cannot be taxed; None for any other invoice."""
    tax = body.get("automatic_tax") or {}
    if body["status"] != "draft" or body.get("billing_reason") != CYCLE or not tax.get("enabled"):
        return None
    return tax["status"] if tax.get("status") in UNUSABLE else None


def row(invoice: Invoice) -> Stuck:
    """Return what a person reads of a draft that cannot be taxed, and when it goes out as it is."""
    at = invoice.finalizes_at
    until = f"goes out as it is at {at:%Y-%m-%d %H:%M} UTC" if at else "is held until you release it"
    amount = from_stripe(invoice.body, WatchedInvoice).owed()
    return Stuck(
        invoice.invoice,
        invoice.subscription,
        "draft",
        invoice.body["currency"],
        amount,
        why=f"Stripe cannot tax (automatic_tax.status {problem_of(invoice.body)})",
        way=f"{WAYS_OUT[StuckCause.UNTAXABLE]}; it {until}",
        cause=StuckCause.UNTAXABLE,
    )
