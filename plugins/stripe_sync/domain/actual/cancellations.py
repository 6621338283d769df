"""Cancellations in Stripe of subscriptions that are active in Stigg (BILLING 7)."""

from __future__ import annotations

from collections.abc import Iterator

from stripe_sync.domain.model.documents import STIGG_SUBSCRIPTION, ObjectDocument
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription


def canceled_in_stripe(inputs: Inputs, key: str) -> StripeSubscription | None:
    """Return the linked Stripe subscription if it was canceled there and not by us, else None.

    Not counted: ``incomplete_expired`` (never paid), a subscription that is not in the snapshot, and one of a deleted
    customer, because Stripe ends every subscription of a deleted customer.
    """
    found = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    if found is None or found.status != SubscriptionStatus.CANCELED or found.id in inputs.ended_by_us:
        return None
    customer = inputs.stripe.customers.get(found.customer)
    return None if customer is not None and customer.deleted else found


def cancellation(inputs: Inputs, subscription: Subscription, gone_there: StripeSubscription) -> ObjectDocument:
    """Return the target of a subscription that is canceled in Stripe: ended in Stigg (BILLING 7)."""
    key = stigg_key(inputs, subscription)
    entity = ("subscription", subscription.subscription_id)
    return ObjectDocument(STIGG_SUBSCRIPTION, key, {"ended": True}, entity, facts={"stripe_id": gone_there.id})


def stigg_key(inputs: Inputs, subscription: Subscription) -> str:
    """Return the link key of a subscription's cancellation in Stigg."""
    return inputs.link_key(STIGG_SUBSCRIPTION, subscription.subscription_id)


def in_stigg(inputs: Inputs) -> Iterator[ObjectDocument]:
    """Yield the actual state of cancellations: current Stigg subscriptions whose Stripe subscription is canceled."""
    for subscription in inputs.stigg.subscriptions:
        key = inputs.link_key("subscription", subscription.subscription_id)
        gone_there = canceled_in_stripe(inputs, key)
        if subscription.status not in ENDED and gone_there is not None:
            facts = {"customer": inputs.link_key("customer", subscription.payer())}
            yield ObjectDocument(
                STIGG_SUBSCRIPTION, stigg_key(inputs, subscription), {}, stripe_id=gone_there.id, facts=facts
            )
