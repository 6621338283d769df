"""Invoices that nothing will finalize or collect, and why. Pure: decided by what Stripe shows of the invoice.

A draft without a time stays a draft, and an open invoice without automatic collection stays open: after a cancellation, of an
unpaid subscription, in a pause, after the last retry, or because a person switched it off. Stripe reports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from stripe_sync.core import money
from stripe_sync.core.clock import from_epoch

FILLED = timedelta(hours=1)  # an invoice of our own is switched on once it is proven
FIRST = timedelta(hours=23)  # Stripe ends a subscription whose first invoice is not paid by then
PROCESSING = timedelta(days=14)  # a bank debit is answered by then
FAILED = "could not be finalized"
CAUSES = {
    "customer_tax_location_invalid": "correct the customer's address in Stripe"
}  # by code of the finalization error


@dataclass(frozen=True)
class Stuck:
    """An invoice that stays as it is. ``amount`` in minor units, negative for a credit."""

    invoice: str
    subscription: str
    status: str
    currency: str
    amount: int
    why: str
    way: str = ""

    def sentence(self) -> str:
        """Return the message for a person: the object, its problem, and the way out (``way``, if it has its own)."""
        kind = "draft" if self.status == "draft" else "open invoice"
        amount = money.shown(Decimal(self.amount), self.currency)
        way = self.way or usual_way(self.status, self.why)
        return f"{self.invoice} of {self.subscription} is a {kind} of {amount} that {self.why}: {way}."


def usual_way(status: str, why: str) -> str:
    """Return the way out of an invoice that stays as it is for a reason (``why_stuck``).

    A draft that failed to finalize keeps its error until its cause is gone and it is finalized again (SB 17.3).
    """
    if why.startswith(FAILED):
        cause = next(
            (text for code, text in CAUSES.items() if code in why), "remove the cause that Stripe's error names"
        )
        return f"{cause}, then finalize it with auto_advance on"
    return "switch auto_advance on, or finalize and void it" if status == "draft" else "pay, send or void it"


def why_stuck(body: Mapping[str, Any], *, now: datetime, is_own: bool = False) -> str | None:
    """Return why an invoice stays as it is, None where Stripe moves it on or where nothing is owed.

    ``is_own`` says that it is a final usage invoice, which waits with ``auto_advance`` off until it is proven.
    """
    if body["status"] == "draft" and owed(body):
        return why_never_finalized(body, now=now, is_own=is_own)
    if body["status"] == "open" and body["collection_method"] == "charge_automatically":
        return why_never_collected(body, now=now)
    return None


def owed(body: Mapping[str, Any]) -> int:
    """Return the amount due of an invoice, minor units; of a draft with a negative total, the total."""
    if body["status"] == "draft" and body["total"] < 0:
        return int(body["total"])
    return int(body["amount_remaining"])


def why_never_finalized(body: Mapping[str, Any], *, now: datetime, is_own: bool) -> str | None:
    """Return why a draft is never finalized by itself."""
    error = body.get("last_finalization_error")
    if error:
        return f"{FAILED} ({error.get('code') or error.get('message')})"
    if body["auto_advance"] and body.get("automatically_finalizes_at") is not None:
        return None
    if is_own and now - from_epoch(body["created"]) < FILLED:
        return None
    return "nothing finalizes, its auto_advance is off" if not body["auto_advance"] else "has no time of finalization"


def why_never_collected(body: Mapping[str, Any], *, now: datetime) -> str | None:
    """Return why an open invoice is never collected by itself; what waits for its first payment is left to Stripe."""
    finalized = from_epoch(body["status_transitions"]["finalized_at"] or body["created"])
    if body["billing_reason"] == "subscription_create" and now - finalized < FIRST:
        return None
    if not body["auto_advance"]:
        return "nothing collects, its auto_advance is off"
    if body.get("next_payment_attempt") is not None or now - finalized < PROCESSING:
        return None
    return "is not tried again"
