"""Invoices that nothing will finalize or collect, and why. Pure: decided by what Stripe shows of the invoice.

A draft without a time stays a draft, and an open invoice without automatic collection stays open: after a cancellation, of an
unpaid subscription, in a pause, after the last retry, or because a person switched it off. Stripe reports none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Final

from stripe_sync.core import money
from stripe_sync.core.clock import from_epoch
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus

FILLED = timedelta(hours=1)  # an invoice of our own is switched on once it is proven
TRIED = timedelta(hours=1)  # Stripe tries a payment within an hour of the finalization
FIRST = timedelta(hours=23)  # Stripe ends a subscription whose first invoice is not paid by then
PROCESSING = timedelta(days=14)  # a bank debit is answered by then
NO_LOCATION = "customer_tax_location_invalid"  # the code of a finalization error


class StuckCause(StrEnum):
    """The cause of an invoice that stays as it is; each has a usual way out."""

    NO_LOCATION = "no_location"
    FINALIZATION_ERROR = "finalization_error"
    UNTAXABLE = "untaxable"
    NOT_FINALIZED = "not_finalized"
    NOT_COLLECTED = "not_collected"


# A draft that failed to finalize keeps its error until its cause is gone and it is finalized again (SB 17.3).
WAYS_OUT: Final[Mapping[StuckCause, str]] = {
    StuckCause.NO_LOCATION: "correct the customer's address in Stripe, then finalize it with auto_advance on",
    StuckCause.FINALIZATION_ERROR: (
        "remove the cause that Stripe's error names, then finalize it with auto_advance on"
    ),
    StuckCause.UNTAXABLE: ("correct the customer's address in Stripe, or let it go untaxed with stripe-sync release"),
    StuckCause.NOT_FINALIZED: "switch auto_advance on, or finalize and void it",
    StuckCause.NOT_COLLECTED: "pay, send or void it",
}


@dataclass(frozen=True)
class Standstill:
    """The cause of an invoice that stays as it is, and a clause that says why."""

    cause: StuckCause
    why: str

    @property
    def sentence(self) -> str:
        """Return the clause and the way out."""
        return f"{self.why}: {WAYS_OUT[self.cause]}"


@dataclass(frozen=True)
class Stuck:
    """An invoice that stays as it is. ``amount`` in minor units, negative for a credit; ``way`` goes before that of the cause.

    Results of earlier versions have no cause.
    """

    invoice: str
    subscription: str
    status: str
    currency: str
    amount: int
    why: str
    way: str = ""
    cause: StuckCause = StuckCause.NOT_FINALIZED

    def sentence(self) -> str:
        """Return the message for a person: the object, its problem, and the way out."""
        kind = "draft" if self.status == "draft" else "open invoice"
        amount = money.shown(Decimal(self.amount), self.currency)
        way = self.way or WAYS_OUT[self.cause]
        return f"{self.invoice} of {self.subscription} is a {kind} of {amount} that {self.why}: {way}."


def find_standstill(
    invoice: StripeInvoice, *, now: datetime, is_own: bool = False, has_use: bool = False, is_answered: bool = False
) -> Standstill | None:
    """Return why an invoice stays as it is, None where Stripe moves it on or where nothing is owed.

    ``is_own`` says that it is a final usage invoice, which waits with ``auto_advance`` off until it is proven; ``has_use``
    that it will bill use that it does not show; ``is_answered`` that its payment method answers at once, so that no payment
    can be under way.
    """
    if invoice.status == InvoiceStatus.DRAFT and (invoice.owed() or has_use):
        return _why_never_finalized(invoice, now=now, is_own=is_own)
    if invoice.status == InvoiceStatus.OPEN and invoice.collection_method == "charge_automatically":
        why = _why_never_collected(invoice, now=now, is_answered=is_answered)
        return Standstill(StuckCause.NOT_COLLECTED, why) if why else None
    return None


def _why_never_finalized(invoice: StripeInvoice, *, now: datetime, is_own: bool) -> Standstill | None:
    """Return why a draft is never finalized by itself."""
    error = invoice.last_finalization_error
    if error is not None:
        cause = StuckCause.NO_LOCATION if error.code == NO_LOCATION else StuckCause.FINALIZATION_ERROR
        return Standstill(cause, f"could not be finalized ({error.code or error.message})")
    if invoice.auto_advance and invoice.automatically_finalizes_at is not None:
        return None
    if is_own and now - from_epoch(invoice.created) < FILLED:
        return None
    why = "nothing finalizes, its auto_advance is off" if not invoice.auto_advance else "has no time of finalization"
    return Standstill(StuckCause.NOT_FINALIZED, why)


def _why_never_collected(invoice: StripeInvoice, *, now: datetime, is_answered: bool) -> str:
    """Return why an open invoice is never collected by itself; what waits for its first payment is left to Stripe."""
    age = now - from_epoch(invoice.status_transitions.finalized_at or invoice.created)
    if invoice.billing_reason == "subscription_create" and age < FIRST:
        return ""
    if not invoice.auto_advance:
        return "nothing collects, its auto_advance is off"
    if not invoice.is_without_attempt() or age < (TRIED if is_answered else PROCESSING):
        return ""
    return "is not tried again"
