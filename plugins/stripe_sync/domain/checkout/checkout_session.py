"""A Checkout Session as an action: the items, the discount and the ownership marker of the new subscription."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from stripe_sync.core import keys
from stripe_sync.core.errors import ConfigurationError, EntityError
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.checkout.request import CheckoutRequest, as_subscription
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.target import subscriptions
from stripe_sync.domain.target.catalog.catalog import Catalog
from stripe_sync.domain.target.items import items
from stripe_sync.domain.target.meters import Meters

LIVES = 23 * 3600  # seconds that a page is open; Stripe takes a day at most
NO_TRIAL = 0  # days; checkout sells no trial until a trial is one subscription on both sides (BILLING 14)


def checkout_key(inputs: Inputs, subscription: str) -> str:
    return inputs.link_key("checkout", subscription)


def action(
    inputs: Inputs, catalog: Catalog, coupons: Mapping[str, str], request: CheckoutRequest, *, now: int
) -> Action:
    """The action that opens the page. Raises ConfigurationError for what cannot be sold, or is not in Stripe yet."""
    subscription = as_subscription(inputs, request)
    key = inputs.link_key("subscription", request.subscription)
    context = subscriptions.SubscriptionContext(catalog, {}, coupons, {}, {}, Meters())
    try:
        target, *own = subscriptions.subscription_targets(
            inputs, subscription, key, items(subscription, catalog, context.meters), context
        )
    except EntityError as failure:
        raise ConfigurationError(f"{request.plan} cannot be checked out: {failure.detail}") from None
    document, facts = target.document, target.facts
    if own or len(facts["attach"]) > 1:
        raise ConfigurationError(f"The coupon {request.coupon} is not in Stripe as it is in Stigg; reconcile first.")
    needed = [item["price"] for item in [*document["items"], *facts["one_off"].values()]]
    for price in [*needed, *facts["attach"].values()]:
        if price not in inputs.links.ids:
            raise ConfigurationError(f"{price} is not in Stripe yet; run reconcile, then try again.")
    how: dict[str, Any] = {
        "items": document["items"],
        "one_off": list(facts["one_off"].values()),
        "attach": dict(facts["attach"]),
        "metadata": document["metadata"],
        "once": document.get("once") or [],
        "automatic_tax": bool(document.get("automatic_tax")),
        "trial_days": NO_TRIAL,
        "expires_at": now + LIVES,
        "request": msgspec.to_builtins(request),
    }
    after = {"mode": "subscription", "reference": request.subscription, "customer": document["customer"], "how": how}
    return Action(
        kind=ActionKind.CHECKOUT_CREATE,
        lane=Lane.CHECKOUT,
        target=checkout_key(inputs, request.subscription),
        after=after,
        entity=("subscription", request.subscription),
        serial=document["customer"],
        sentence=f"Open a checkout of {request.plan} for {request.customer}",
    )


def provisioning(environment: str, given: Mapping[str, Any]) -> Action:
    """The action that gives Stigg what was paid for: ``given`` is its ``ProvisionSubscriptionInput``."""
    id = str(given["subscriptionId"])
    billing = keys.link_key("subscription", keys.part(environment), keys.part(id))
    return Action(
        kind=ActionKind.STIGG_PROVISION,
        lane=Lane.CHECKOUT,
        target=keys.link_key("provision", keys.part(environment), keys.part(id)),
        after={"billing": billing, "how": dict(given)},
        entity=("subscription", id),
        serial=billing,
        sentence=f"Provision {given['planId']} for {given['customerId']} in Stigg",
    )
