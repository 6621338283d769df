"""Payment methods of subscriptions: the one that Stripe charges, and the one that a creation names (BILLING 5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.payment_processing import PaymentState, Unpaid, unpaid
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe import PaymentMethod, StripeCustomer
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription

# Bank debits: their result arrives days after the call.
DELAYED: Final = frozenset(
    {"us_bank_account", "sepa_debit", "bacs_debit", "acss_debit", "au_becs_debit", "nz_bank_account"}
)


def customer_of(inputs: Inputs, subscription: Subscription) -> StripeCustomer | None:
    """Return the Stripe customer that pays a subscription, if it is linked and read."""
    linked = inputs.links.ids.get(inputs.link_key("customer", subscription.payer()))
    return inputs.stripe.customers.get(linked) if linked else None


def paid_by(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> PaymentMethod | None:
    """Return the payment method that Stripe charges for a subscription: its own, else its customer's (SB 12.1).

    For one that is missing (``held`` is None) it is the customer's alone, or the card that the creation names (SB 12.3).
    """
    own = held.payment_method() if held is not None else None
    if own is not None:
        return own
    customer = customer_of(inputs, subscription)
    if customer is None:
        return None
    if (method := customer.payment_method()) is not None:
        return method
    return named_card(inputs, subscription) if held is None else None


def payment_facts(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> dict[str, str | bool]:
    """Return the payment facts of a write that charges: paying method, whether it is delayed, and the card to name.

    ``processing`` is the message about a pending debit, ``incomplete`` whether Stripe accepts no change until then. Empty
    without a known method; a creation is then refused before it is planned.
    """
    try:
        method = paid_by(inputs, subscription, held)
        named = named_card(inputs, subscription) if held is None else None
    except EntityError:
        return {}
    facts: dict[str, str | bool] = {"named": named.id} if named is not None else {}
    if method is None:
        return facts
    facts |= {"paid_by": method.signature(), "delayed": method.type in DELAYED}
    owed = unpaid_of(inputs, subscription)
    if held is None or owed is None or owed.kind != PaymentState.PROCESSING:
        return facts
    return facts | {"processing": owed.sentence, "incomplete": held.status == SubscriptionStatus.INCOMPLETE}


def unpaid_of(inputs: Inputs, subscription: Subscription) -> Unpaid | None:
    """Return the unpaid invoice of a linked subscription's creation or change, else None."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    if held is None or not inputs.stripe.unpaid:
        return None
    method = paid_by(inputs, subscription, held)
    invoices = [invoice for invoice in inputs.stripe.unpaid.values() if invoice.subscription() == held.id]
    return unpaid(held, invoices, is_delayed=method is not None and method.type in DELAYED)


def named_card(inputs: Inputs, subscription: Subscription) -> PaymentMethod | None:
    """Return the card that a creation names because only other subscriptions of its customer have it.

    Returns None where the customer has a default, which Stripe uses automatically. Raises EntityError ``NO_PAYMENT_METHOD``
    without a usable card, ``SEVERAL_PAYMENT_METHODS`` with several.
    """
    customer = customer_of(inputs, subscription)
    who = f"The customer {subscription.payer()}"
    if customer is None:
        raise EntityError(ReasonCode.NO_PAYMENT_METHOD, f"{who} has no default payment method in Stripe yet.")
    if customer.can_be_charged():
        return None
    cards = usable_cards(inputs, customer)
    if len(cards) > 1:
        raise EntityError(
            ReasonCode.SEVERAL_PAYMENT_METHODS,
            f"{who} has no default payment method in Stripe, and its subscriptions have {len(cards)} cards; "
            "make one of them the customer's default in Stripe.",
        )
    if not cards:
        raise EntityError(ReasonCode.NO_PAYMENT_METHOD, f"{who} has no default payment method in Stripe yet.")
    return cards[0]


def usable_cards(inputs: Inputs, customer: StripeCustomer) -> list[PaymentMethod]:
    """Return the distinct usable cards of a customer's current subscriptions, by id.

    A usable card is attached to this customer and has not expired. The same card saved twice counts once.
    """
    cards = [card for card in attached_cards(inputs, customer) if not has_expired(inputs, card)]
    last = {card.fingerprint(): card for card in sorted(cards, key=lambda card: card.id)}
    return sorted(last.values(), key=lambda card: card.id)


def attached_cards(inputs: Inputs, customer: StripeCustomer) -> list[PaymentMethod]:
    """Return the cards of a customer's current subscriptions that are attached to this customer."""
    current = [
        s for s in inputs.stripe.subscriptions.values() if s.customer == customer.id and s.status not in ENDED_STATUSES
    ]
    methods = [method for s in current if (method := s.payment_method()) is not None]
    return [method for method in methods if method.type == "card" and method.customer in (None, customer.id)]


def has_expired(inputs: Inputs, method: PaymentMethod) -> bool:
    """Return whether a card has expired; it is valid until the end of its month."""
    end = expiry(method)
    return end is not None and inputs.is_due(end)


def expiry(method: PaymentMethod) -> datetime | None:
    """Return the first moment at which a card is no longer valid, UTC; None where Stripe gives no month."""
    if method.card is None or not method.card.exp_year or not method.card.exp_month:
        return None
    years, month = divmod(method.card.exp_month, 12)
    return datetime(method.card.exp_year + years, month + 1, 1, tzinfo=UTC)


def card_timers(inputs: Inputs, subscription: Subscription) -> list[datetime]:
    """Return the moments at which a creation would name another card, those that are over included."""
    customer = customer_of(inputs, subscription)
    if customer is None or customer.can_be_charged():
        return []
    return [end for card in attached_cards(inputs, customer) if (end := expiry(card)) is not None]
