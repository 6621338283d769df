"""Invoices that nothing will finalize or collect, and why. Pure: decided by what Stripe shows of the invoice.

A draft without a time stays a draft, and an open invoice without automatic collection stays open: after a cancellation, of an
unpaid subscription, in a pause, after the last retry, or because somebody switched it off. Nobody is told of it by Stripe.
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
        """Return what somebody has to read: the object, what is the matter, and the way out (``way``, if it has its own)."""
        what = "draft" if self.status == "draft" else "open invoice"
        worth = money.shown(Decimal(self.amount), self.currency)
        way = self.way or usual_way(self.status)
        return f"{self.invoice} of {self.subscription} is a {what} of {worth} that {self.why}: {way}."


def usual_way(status: str) -> str:
    """Return how a person moves an invoice on that stays as it is."""
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
    """Return what an invoice asks for, minor units; of a draft that gives something back the credit, which is negative."""
    if body["status"] == "draft" and body["total"] < 0:
        return int(body["total"])
    return int(body["amount_remaining"])


def why_never_finalized(body: Mapping[str, Any], *, now: datetime, is_own: bool) -> str | None:
    """Return why a draft is never finalized by itself."""
    error = body.get("last_finalization_error")
    if error:
        return f"could not be finalized ({error.get('code') or error.get('message')})"
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
