"""The items of subscriptions as objects of their own: listed oldest first, and changed as by an update."""

from __future__ import annotations

import re
from dataclasses import replace

from sandbox.resources.stripe.objects import get, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.resources.stripe.subscriptions import change_subscription
from sandbox.world.refusal import StripeRefusal, absent
from sandbox.world.state import Obj

WHAT = ("price", "price_data", "quantity", "metadata", "tax_rates")
PRORATION_FIELDS = ("proration_behavior", "proration_date", "payment_behavior")


@route("get", "/v1/subscription_items", *PAGING - {"created"}, "subscription")
def list_subscription_items(call: Call) -> Obj:
    """Oldest first (FACTS_A 44)."""
    if "subscription" not in call.params:
        raise absent("subscription")
    id = call.params["subscription"]
    subscription = get(call.world, "subscriptions", id, kind="subscription", param="subscription", status=400)
    return page(call, subscription["items"]["data"], "/v1/subscription_items")


@route("post", "/v1/subscription_items", "subscription", *WHAT, *PRORATION_FIELDS)
def create_subscription_item(call: Call) -> Obj:
    """One more item, in the running period (FACTS_A 45)."""
    if "subscription" not in call.params:
        raise absent("subscription")
    if "price" not in call.params and "price_data" not in call.params:
        raise absent("price")
    id = call.params["subscription"]
    subscription = get(call.world, "subscriptions", id, kind="subscription", param="subscription", status=400)
    given: Obj = {name: call.params[name] for name in WHAT if name in call.params}
    changed(call, subscription, given)
    return dict(subscription["items"]["data"][-1])


@route("get", "/v1/subscription_items/{item}")
def retrieve_subscription_item(call: Call) -> Obj:
    return found(call)[1]


@route("post", "/v1/subscription_items/{item}", *WHAT, *PRORATION_FIELDS)
def update_subscription_item(call: Call) -> Obj:
    subscription, item = found(call)
    given: Obj = {name: call.params[name] for name in WHAT if name in call.params}
    changed(call, subscription, given | {"id": item["id"]})
    return found(call)[1]


@route("delete", "/v1/subscription_items/{item}", "clear_usage", *PRORATION_FIELDS)
def delete_subscription_item(call: Call) -> Obj:
    subscription, item = found(call)
    given = {"clear_usage": call.params["clear_usage"]} if "clear_usage" in call.params else {}
    changed(call, subscription, given | {"id": item["id"], "deleted": True})
    return {"id": item["id"], "object": "subscription_item", "deleted": True}


def changed(call: Call, subscription: Obj, given: Obj) -> None:
    """Update the subscription with one entry of ``items``."""
    params = {name: call.params[name] for name in PRORATION_FIELDS if name in call.params}
    try:
        change_subscription(replace(call, params=params | {"items": [given]}), subscription)
    except StripeRefusal as refusal:
        raise refusal.about(re.sub(r"^items\[0\]\[(\w+)\]$", r"\1", refusal.param)) from None


def found(call: Call) -> tuple[Obj, Obj]:
    """Return the subscription and the item of the path; an unknown one has an answer of its own (FACTS_A 62)."""
    for subscription, item in call.world.items():
        if item["id"] == call.ids[0]:
            return subscription, item
    raise StripeRefusal(f"Invalid subscription_item id: {call.ids[0]}", status=404)
