"""The items of subscriptions as objects of their own."""

from __future__ import annotations

from sandbox.resources.stripe.objects import get, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.state import Obj


@route("get", "/v1/subscription_items", *PAGING - {"created"}, "subscription")
def list_subscription_items(call: Call) -> Obj:
    id = call.params["subscription"]
    subscription = get(call.world, "subscriptions", id, kind="subscription", param="subscription")
    return page(call, subscription["items"]["data"], "/v1/subscription_items")
