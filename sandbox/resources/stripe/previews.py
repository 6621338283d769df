"""Previews of the invoices that a creation or a change would make."""

from __future__ import annotations

import copy

from sandbox.billing import discounts, invoices, prorations
from sandbox.billing.lines import item_line
from sandbox.resources.stripe.drafting import draft_subscription, first_invoice_lines
from sandbox.resources.stripe.objects import get
from sandbox.resources.stripe.routes import Call, route
from sandbox.resources.stripe.subscriptions import CREATES, added_items, updated
from sandbox.world.refusal import NotModelled
from sandbox.world.state import Obj


@route("post", "/v1/invoices/create_preview", "customer", "subscription", "subscription_details", "discounts",
       "automatic_tax", "invoice_items")  # fmt: skip
def preview_invoice(call: Call) -> Obj:
    """What a creation or a change would invoice at once; nothing is kept."""
    world, params = call.world, call.params
    details = params.get("subscription_details", {})
    if "subscription" not in params:
        given = {k: v for k, v in details.items() if k in CREATES} | {"customer": params.get("customer")}
        if "start_date" in details:
            given["backdate_start_date"] = details["start_date"]
        fresh = draft_subscription(call, given | {k: params[k] for k in ("automatic_tax",) if k in params})
        fresh["discounts"] = discounts.chosen(world, fresh, params.get("discounts"), keep=False)
        once = added_items(world, fresh, {"add_invoice_items": params.get("invoice_items", [])})
        lines = [*first_invoice_lines(world, fresh, given), *(item_line(world, item) for item in once)]
        return invoices.build(world, fresh, lines, reason="", preview=True)
    before = get(world, "subscriptions", params["subscription"], kind="subscription", param="subscription")
    if details.get("proration_behavior") != "always_invoice":
        raise NotModelled("invoices/create_preview of a change, without proration_behavior=always_invoice")
    after = updated(call, copy.deepcopy(before), {"items": details.get("items", [])})
    moment = details.get("proration_date", world.now)
    lines = prorations.proration_lines(world, before, after, moment)
    return invoices.build(world, after, lines, reason="", preview=True)
