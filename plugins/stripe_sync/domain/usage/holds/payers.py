"""The payment method of an open invoice: whether a payment can be under way for days. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stripe_sync.domain.model.stripe import PaymentMethod, StripeCustomer
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription


def invoices_without_attempt(invoices: Iterable[StripeInvoice]) -> list[StripeInvoice]:
    """Return the open invoices that Stripe collects by itself and of which it names no next attempt."""
    return [invoice for invoice in invoices if invoice.is_without_attempt()]


def answered_invoices(
    invoices: Iterable[StripeInvoice],
    owners: Mapping[str, str],
    subscriptions: Mapping[str, StripeSubscription],
    customers: Mapping[str, StripeCustomer],
) -> set[str]:
    """Return the ids of the invoices that are answered at once. ``owners`` has Stripe's subscription of each."""
    return {
        invoice.id
        for invoice in invoices
        if is_answered_at_once(
            invoice, subscriptions.get(owners.get(invoice.id, "")), customers.get(invoice.customer or "")
        )
    }


def is_answered_at_once(
    invoice: StripeInvoice, held: StripeSubscription | None, customer: StripeCustomer | None
) -> bool:
    """Return whether an open invoice is paid by a card, or by nothing: Stripe then knows the result of each attempt at once.

    False for every other method, and where it is not known: a bank debit may be under way.
    """
    if held is None or customer is None:
        return False
    methods = [method for method in (held.payment_method(), customer.payment_method()) if method is not None]
    named = invoice.payment_method()
    if named is not None:
        return any(method.id == named and is_card(method) for method in methods)
    return not methods or is_card(methods[0])


def is_card(method: PaymentMethod) -> bool:
    """Return whether a payment method is a card for certain; of a bare id nothing is known."""
    return method.type == "card" and method.card is not None
