"""Previews of invoices: what a creation or a change would bill at once, or the next renewal of a subscription."""

from __future__ import annotations

import copy

from sandbox.billing import discounts, invoices, prorations
from sandbox.billing.lines import item_line, pending_lines
from sandbox.resources.stripe.changes import ALWAYS_INVOICE, Change, planned
from sandbox.resources.stripe.drafting import customer_of, draft_subscription, first_invoice_lines
from sandbox.resources.stripe.invoicing import added_items, tried_lines
from sandbox.resources.stripe.objects import get
from sandbox.resources.stripe.routes import Call, route
from sandbox.world.refusal import NotModelled, StripeRefusal, invalid
from sandbox.world.state import Obj, World

CREATION = {
    "items", "billing_mode", "billing_cycle_anchor", "proration_behavior", "start_date", "trial_end", "cancel_at", "metadata",
    "default_tax_rates",
}  # fmt: skip
UPDATE = {
    "items", "billing_cycle_anchor", "proration_behavior", "proration_date", "trial_end", "cancel_at", "metadata",
    "cancel_at_period_end", "default_tax_rates",
}  # fmt: skip


@route("post", "/v1/invoices/create_preview", "customer", "subscription", "subscription_details", "discounts",
       "automatic_tax", "invoice_items")  # fmt: skip
def preview_invoice(call: Call) -> Obj:
    """An invoice that is not kept: of a creation, or with ``subscription`` of what an update makes of it."""
    params = call.params
    try:
        if "subscription" in params:
            return preview_update(call)
        if (params.get("subscription_details") or {}).get("items"):
            return preview_creation(call)
    except StripeRefusal as refusal:
        if refusal.param.startswith("items["):
            raise refusal.about("subscription_details[items]" + refusal.param.removeprefix("items")) from None
        raise
    call.params["subscription"] = next_due(call.world, params)
    return preview_update(call)


def next_due(world: World, params: Obj) -> str:
    """Return the customer's next subscription to renew, for a preview without one (documented: create_preview)."""
    customer = customer_of(world, params)["id"]
    living = [
        s for s in world.stripe["subscriptions"].values()
        if s["customer"] == customer and s["status"] not in ("canceled", "incomplete_expired")
    ]  # fmt: skip
    if not living:
        raise none_upcoming({"customer": customer})
    return str(min(living, key=lambda s: min(item["current_period_end"] for item in s["items"]["data"]))["id"])


def preview_creation(call: Call) -> Obj:
    """Return the first invoice of a subscription that does not exist."""
    world, params = call.world, call.params
    details = known(params, CREATION)
    given = {name: value for name, value in details.items() if name not in ("start_date", "billing_cycle_anchor")}
    given |= {"customer": params.get("customer")} | {k: params[k] for k in ("automatic_tax",) if k in params}
    given |= anchor_of(details)
    if "start_date" in details:
        given["backdate_start_date"] = details["start_date"]
    fresh = draft_subscription(call, given)
    fresh["discounts"] = discounts.chosen(world, fresh, params.get("discounts") or None, keep=False)
    once = added_items(world, fresh, {"add_invoice_items": params.get("invoice_items", [])}, place="invoice_items")
    rows = [*first_invoice_lines(world, fresh, given), *(item_line(world, item) for item in once)]
    return invoices.build(world, fresh, rows, reason="", preview=True)


def known(params: Obj, names: set[str]) -> Obj:
    """Return the details of the subscription that is previewed; 501 for one that is not modelled."""
    details: Obj = params.get("subscription_details") or {}
    for name in set(details) - names:
        raise NotModelled(f"invoices/create_preview: subscription_details[{name}]")
    return details


def anchor_of(details: Obj) -> Obj:
    """Return the anchor of a creation's preview, an object of a type and its moment (endive)."""
    anchor = details.get("billing_cycle_anchor")
    if anchor is None or anchor["type"] != "timestamp":
        return {}
    if "timestamp" not in anchor:
        name = "subscription_details[billing_cycle_anchor][timestamp]"
        raise invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")
    return {"billing_cycle_anchor": anchor["timestamp"]}


def preview_update(call: Call) -> Obj:
    """Return the immediate invoice of an update with ``always_invoice``, else the next renewal after it (SB 21.6).

    An empty ``discounts`` does not clear what the subscription has (SB 21.6).
    """
    world, params = call.world, call.params
    details = known(params, UPDATE)
    before = get(world, "subscriptions", params["subscription"], kind="subscription", param="subscription")
    if before["status"] in ("canceled", "incomplete_expired"):
        raise none_upcoming(before)
    given = dict(details) | ({"discounts": params["discounts"]} if params.get("discounts") else {})
    change = planned(world, copy.deepcopy(before), given, keep=False)
    once = added_items(
        world, change.after, {"add_invoice_items": params.get("invoice_items", [])}, place="invoice_items"
    )
    more = [item_line(world, item) for item in once]
    if details.get("proration_behavior") == ALWAYS_INVOICE or change.at_once:
        rows = [*tried_lines(world, change), *more]
        return invoices.build(world, change.after, rows, reason="", preview=True)
    return renewal(world, change, more)


def renewal(world: World, change: Change, more: list[Obj]) -> Obj:
    """Return the next renewal after a change: its prorations, what is pending, and the periods that begin."""
    after = copy.deepcopy(change.after)
    due = min(item["current_period_end"] for item in after["items"]["data"])
    if after["cancel_at"] and after["cancel_at"] <= due:
        raise none_upcoming(after)
    renewed, since = [], due
    for item in after["items"]["data"]:
        if item["current_period_end"] == due:
            since = min(since, item["current_period_start"])
            end = prorations.grid(after, item, due)[1]
            item |= {"current_period_start": due, "current_period_end": min(end, after["cancel_at"] or end)}
            renewed.append(item)
    after["discounts"] = [id for id in after["discounts"] if not discounts.is_over(world, id, due)]
    rows = [
        *prorations.cycle_lines(world, after, renewed),
        *change.prorated,
        *change.used,
        *pending_lines(world, after),
    ]
    invoice = invoices.build(world, after, [*rows, *more], reason="", preview=True, since=since)
    return invoice | {"created": due, "period_end": due}


def none_upcoming(subscription: Obj) -> StripeRefusal:
    """Return the answer for a subscription that makes no further invoice."""
    return StripeRefusal(
        f"No upcoming invoices for customer: {subscription['customer']}", status=404, code="invoice_upcoming_none"
    )
