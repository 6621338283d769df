"""Unpaid invoices of creations and changes: a bank debit is in progress, or it failed (BILLING 6).

Pure. Renewals are not included: Stripe collects their debits like other payments.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.money import shown
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus, SubscriptionStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription


class PaymentState(StrEnum):
    """State of a payment that is not made: a bank debit is under way, or it failed."""

    PROCESSING = "processing"
    FAILED = "failed"


OF_A_WRITE: Final = ("subscription_create", "subscription_update")
WAY_OUT: Final = "The customer can replace the payment method by the portal link (stripe-sync portal)."


@dataclass(frozen=True)
class Unpaid:
    """An unpaid invoice of a subscription, by id, with the message of its status."""

    kind: PaymentState
    invoice: str
    sentence: str


def unpaid(held: StripeSubscription | None, invoices: Iterable[StripeInvoice], *, is_delayed: bool) -> Unpaid | None:
    """Return the unpaid invoice of a creation or change, a failed payment first; None if all are paid.

    With ``is_delayed`` a bank debit pays the subscription, and its result arrives days after the call.
    """
    if held is None:
        return None
    kinds = [(kind_of(held, invoice, is_delayed=is_delayed), invoice) for invoice in invoices]
    found = [(kind, invoice) for kind, invoice in kinds if kind is not None]
    if not found:
        return None
    kind, invoice = min(found, key=lambda row: (row[0] != PaymentState.FAILED, row[1].created, row[1].id))
    return Unpaid(kind, invoice.id, sentence(kind, invoice))


def kind_of(held: StripeSubscription, invoice: StripeInvoice, *, is_delayed: bool) -> PaymentState | None:
    """Return whether the payment of an invoice is processing or failed; None if it is paid or not from a write."""
    if invoice.status != InvoiceStatus.OPEN or invoice.billing_reason not in OF_A_WRITE or not invoice.amount_remaining:
        return None
    if invoice.next_payment_attempt is not None:
        return PaymentState.FAILED
    if held.status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        return PaymentState.PROCESSING if is_delayed and invoice.auto_advance else PaymentState.FAILED
    if held.status == SubscriptionStatus.INCOMPLETE:
        return PaymentState.PROCESSING if is_delayed else None
    if held.status not in (SubscriptionStatus.ACTIVE, SubscriptionStatus.TRIALING) or held.pending_update is not None:
        return None
    return PaymentState.PROCESSING if is_delayed or invoice.auto_advance else None


def sentence(kind: PaymentState, invoice: StripeInvoice) -> str:
    """Return the status message of a payment."""
    amount = f"{shown(Decimal(invoice.amount_remaining), invoice.currency)} for {invoice.id}"
    if kind == PaymentState.PROCESSING:
        return f"The bank debit of {amount} is under way; it succeeds or fails within days, and nothing repeats it until then."
    moment = invoice.next_payment_attempt
    again = f"tries it again after {from_epoch(moment):%Y-%m-%d %H:%M} UTC" if moment else "does not try it again"
    return f"The payment of {amount} failed, and Stripe {again}. {WAY_OUT}"


def expired(held: StripeSubscription) -> str:
    """Return the status message of a subscription that Stripe ended because its first payment failed."""
    return (
        f"Stripe ended {held.id}, because its first payment failed; nothing was billed. {WAY_OUT} Then unlink {held.id}, "
        "and it is made again; or cancel it in Stigg."
    )
