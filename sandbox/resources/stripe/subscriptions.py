"""Subscriptions: making, changing and listing them, with the invoices that this makes."""

from __future__ import annotations

import copy

from sandbox.billing import discounts, invoices, payments, pending_updates, prorations
from sandbox.billing.items import begin, with_legacy
from sandbox.billing.lines import item_line
from sandbox.resources.stripe import limits, payers
from sandbox.resources.stripe.changes import planned
from sandbox.resources.stripe.drafting import draft_subscription, first_invoice_lines
from sandbox.resources.stripe.invoicing import (
    added_items,
    clean,
    invoiced,
    keep_change,
    park,
    refuse_incomplete,
    riding,
    settle,
    source_of,
    tried_lines,
)
from sandbox.resources.stripe.objects import emit, get, in_range, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.refusal import invalid, missing
from sandbox.world.state import Obj, World

ENDED = ("canceled", "incomplete_expired")
MAX_SUBSCRIPTIONS = 500
PERIOD = ("current_period_start", "current_period_end")
COMMON = (
    "items", "collection_method", "days_until_due", "proration_behavior", "payment_behavior", "default_payment_method",
    "metadata", "description", "off_session", "discounts", "add_invoice_items", "cancel_at", "automatic_tax",
    "trial_end", "trial_settings", "billing_cycle_anchor", "default_tax_rates", "cancel_at_period_end", "payment_settings",
)  # fmt: skip
CREATES = (
    *COMMON, "customer", "backdate_start_date", "billing_mode", "currency", "trial_period_days", "trial_from_plan",
    "billing_cycle_anchor_config",
)  # fmt: skip
UPDATES = (*COMMON, "proration_date", "cancellation_details", "pause_collection")
PENDING_TAKES = {
    "proration_behavior", "proration_date", "billing_cycle_anchor", "items", "trial_end", "add_invoice_items", "expand",
    "payment_behavior", "metadata",
}  # fmt: skip
INCOMPLETE_TAKES = {"metadata", "description", "default_payment_method", "expand"}


@route("post", "/v1/subscriptions", *CREATES)
def create_subscription(call: Call) -> Obj:
    """A subscription and its first invoice, which is collected in the call; without a source it is refused (SB 12.3)."""
    world, requested = call.world, call.params.get("discounts")
    subscription = draft_subscription(call, call.params)
    check_room(world, subscription)
    lines = first_invoice_lines(world, subscription, call.params)
    added = added_items(world, subscription, call.params)
    subscription["discounts"] = discounts.chosen(world, subscription, requested, keep=False)
    if lines:
        once = [item_line(world, item) for item in added]
        trial_run = invoices.build(world, subscription, [*lines, *once], reason="subscription_create", preview=True)
        refuse_incomplete(call, subscription, trial_run)
    subscription["discounts"] = []
    subscription["discounts"] = discounts.chosen(world, subscription, requested, keep=True)
    for item in added:
        world.put("invoiceitems", item)
    invoice = None
    if lines:
        once = [item_line(world, item) for item in added]
        invoice = invoiced(call, subscription, [*clean(lines), *once], reason="subscription_create")
    world.stripe["customers"][subscription["customer"]]["currency"] = subscription["currency"]
    if subscription["status"] == "trialing" and source_of(world, subscription) is None:
        subscription["pending_setup_intent"] = world.next_id("seti")
    emit(call, "customer.subscription.created", world.put("subscriptions", subscription))
    settle(call, subscription, invoice)
    return subscription


@route("post", "/v1/subscriptions/{subscription_exposed_id}", *UPDATES)
def update_subscription(call: Call) -> Obj:
    """The change and its invoice. Without ``payment_behavior`` the change is kept although the payment fails (SB 11.1)."""
    return change_subscription(call, get(call.world, "subscriptions", call.ids[0], kind="subscription"))


def change_subscription(call: Call, subscription: Obj) -> Obj:
    """Try the update that the call's parameters describe, then make it; return the subscription."""
    world = call.world
    check_updatable(subscription, call.params)
    before = copy.deepcopy(subscription)
    tried = planned(world, subscription, call.params, keep=False)
    if tried.full and stops_without_source(world, subscription, call.params):
        return end_without_source(call, subscription)
    limits.check_quantities(world, subscription["id"], call.params)
    added = added_items(world, tried.after, call.params)
    if tried.at_once:
        limits.check_invoices(world, subscription["id"])
        once = [item_line(world, item) for item in added]
        trial_run = invoices.build(world, tried.after, [*tried_lines(world, tried), *once], reason="", preview=True)
        attempt = refuse_incomplete(call, tried.after, trial_run)
        if call.params.get("payment_behavior") == "pending_if_incomplete" and payments.refusal(attempt) is not None:
            return park(call, subscription, tried)
    change = planned(world, subscription, call.params, keep=True)
    for item in added:
        world.put("invoiceitems", item)
    invoice = keep_change(call, change)
    subscription.update(change.after)
    emit(call, "customer.subscription.updated", subscription, before)
    settle(call, subscription, invoice)
    return subscription


def stops_without_source(world: World, subscription: Obj, params: Obj) -> bool:
    """Return whether a trial that ends now without a payment source pauses or cancels its subscription (FACTS_A 50)."""
    behavior = (subscription["trial_settings"] or {}).get("end_behavior", {})
    stops = behavior.get("missing_payment_method") in ("pause", "cancel")
    return stops and "trial_end" in params and source_of(world, subscription) is None


def end_without_source(call: Call, subscription: Obj) -> Obj:
    """End the trial without an invoice; the items' periods end now."""
    now, before = call.world.now, copy.deepcopy(subscription)
    for item in subscription["items"]["data"]:
        item["current_period_end"] = now
    subscription |= {"billing_cycle_anchor": now, "trial_end": now - 1, "status": "paused"}
    if subscription["trial_settings"]["end_behavior"]["missing_payment_method"] == "cancel":
        subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
    emit(call, "customer.subscription.updated", subscription, before)
    return subscription


@route("post", "/v1/subscriptions/{subscription}/resume", "billing_cycle_anchor", "proration_behavior")
def resume_subscription(call: Call) -> Obj:
    """A paused one begins a period now; without a source it stays paused until its invoice is paid (FACTS_A 51)."""
    world = call.world
    subscription = get(world, "subscriptions", call.ids[0], kind="subscription")
    if subscription["status"] in ENDED:
        raise missing("subscription", subscription["id"])
    if subscription["status"] != "paused":
        raise invalid("You can only resume subscriptions with status `paused`.")
    before, after = copy.deepcopy(subscription), copy.deepcopy(subscription)
    begin(after, world.now)
    rows = [*prorations.cycle_lines(world, after, after["items"]["data"]), *riding(world, after)]
    if source_of(world, subscription) is None:
        subscription["pending_update"] = pending_updates.waiting(world, subscription, None)
        invoice = invoiced(call, subscription, rows, reason="subscription_update")
        pending_updates.attach(invoice)
    else:
        subscription |= after | {"status": "active"}
        invoice = invoiced(call, subscription, rows, reason="subscription_update")
    emit(call, "customer.subscription.updated", subscription, before)
    settle(call, subscription, invoice)
    return with_legacy(subscription)


def check_updatable(subscription: Obj, params: Obj) -> None:
    """Refuse changes of ended, incomplete and scheduled subscriptions, and during a pending update."""
    if subscription["status"] in ENDED and set(params) - {"metadata", "cancellation_details", "expand"}:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata.",
            code="invalid_canceled_subscription_fields",
        )
    if subscription["status"] == "incomplete" and set(params) - INCOMPLETE_TAKES:
        raise invalid("You cannot update a subscription in `incomplete` status in this way.")
    if params.get("payment_behavior") == "pending_if_incomplete" and set(params) - PENDING_TAKES:
        name = min(set(params) - PENDING_TAKES)
        raise invalid(f"`{name}` cannot be updated with `payment_behavior=pending_if_incomplete`.", param=name)
    if subscription["schedule"] and {"items", "discounts", "cancel_at", "collection_method"} & set(params):
        raise invalid(
            "The subscription is managed by the subscription schedule `" + subscription["schedule"] + "`, and updating "
            "any of these fields directly is not allowed. Please update the schedule instead."
        )


@route("get", "/v1/subscriptions/{subscription_exposed_id}")
def retrieve_subscription(call: Call) -> Obj:
    return get(call.world, "subscriptions", call.ids[0], kind="subscription")


@route("get", "/v1/subscriptions", *PAGING, "customer", "status", "price", "test_clock", "collection_method", *PERIOD)
def list_subscriptions(call: Call) -> Obj:
    """Without ``status``, canceled ones are left out."""
    customer, status, price = (call.params.get(name) for name in ("customer", "status", "price"))
    method, bounds = call.params.get("collection_method"), {name: call.params.get(name) for name in PERIOD}

    def keep(s: Obj) -> bool:
        if status == "ended":
            right = s["status"] in ENDED
        else:
            right = status == "all" or (s["status"] == status if status else s["status"] not in ENDED)
        prices = [item["price"]["id"] for item in s["items"]["data"]]
        right = right and method in (None, s["collection_method"])
        rows = s["items"]["data"]
        right = right and all(any(in_range(row, given, of=name) for row in rows) for name, given in bounds.items())
        return right and customer in (None, s["customer"]) and (price is None or price in prices)

    return listed(call, "subscriptions", keep)


def check_room(world: World, subscription: Obj) -> None:
    """A customer has so many subscriptions at most, all in one currency."""
    living = [
        s for s in world.stripe["subscriptions"].values()
        if s["customer"] == subscription["customer"] and s["status"] not in ENDED
    ]  # fmt: skip
    if len(living) >= MAX_SUBSCRIPTIONS:
        raise invalid(
            f"This customer has already {MAX_SUBSCRIPTIONS} active or scheduled subscriptions.",
            code="customer_max_subscriptions",
            param="customer",
        )
    payers.check_currency(world.stripe["customers"][subscription["customer"]], subscription["currency"])
