"""Subscriptions: making and changing them, with the invoices that this makes, and previews of both."""

from __future__ import annotations

import copy

from sandbox.billing import discounts, finalizing, invoices, metering, payments, prorations
from sandbox.billing.lines import item_line, pending_item
from sandbox.resources.stripe import invoiceitems, tax
from sandbox.resources.stripe.drafting import check_collection, check_end, draft_subscription, first_invoice_lines
from sandbox.resources.stripe.items import apply_item, check_items
from sandbox.resources.stripe.objects import emit, get, listed, teller
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, invalid
from sandbox.world.state import Obj, World

ENDED = ("canceled", "incomplete_expired")
MAX_SUBSCRIPTIONS = 500
CREATES = (
    "customer", "items", "collection_method", "days_until_due", "backdate_start_date", "billing_cycle_anchor",
    "billing_mode", "proration_behavior", "payment_behavior", "default_payment_method", "metadata", "description",
    "off_session", "currency", "discounts", "add_invoice_items", "cancel_at", "automatic_tax",
)  # fmt: skip
UPDATES = (
    "items", "metadata", "proration_behavior", "proration_date", "collection_method", "days_until_due", "description",
    "default_payment_method", "payment_behavior", "cancel_at_period_end", "off_session", "discounts", "cancel_at",
    "automatic_tax",
)  # fmt: skip


@route("post", "/v1/subscriptions", *CREATES)
def create_subscription(call: Call) -> Obj:
    world = call.world
    subscription = draft_subscription(call, call.params)
    check_room(world, subscription)
    customer = world.stripe["customers"][subscription["customer"]]
    lines = first_invoice_lines(world, subscription, call.params)
    added = added_items(world, subscription, call.params)
    wanted = call.params.get("discounts")
    subscription["discounts"] = discounts.chosen(world, subscription, wanted, keep=False)
    if lines:
        once = [item_line(world, item) for item in added]
        trial_run = invoices.build(world, subscription, [*lines, *once], reason="subscription_create", preview=True)
        refuse_incomplete(call, subscription, trial_run)
    subscription["discounts"] = []
    subscription["discounts"] = discounts.chosen(world, subscription, wanted, keep=True)
    for item in added:
        world.put("invoiceitems", item)
    if lines:
        once = [item_line(world, item) for item in added]
        invoice = invoices.build(world, subscription, [*clean(lines), *once], reason="subscription_create")
        world.put("invoices", invoice)
        subscription["latest_invoice"] = invoice["id"]
        emit(call, "invoice.created", invoice)
    customer["currency"] = subscription["currency"]
    emit(call, "customer.subscription.created", world.put("subscriptions", subscription))
    if lines and subscription["collection_method"] == "charge_automatically":
        finalizing.issue(world, invoice, teller(call))
    return subscription


@route("post", "/v1/subscriptions/{subscription_exposed_id}", *UPDATES)
def update_subscription(call: Call) -> Obj:
    subscription = get(call.world, "subscriptions", call.ids[0], kind="subscription")
    before, params = copy.deepcopy(subscription), call.params
    if subscription["status"] == "canceled" and set(params) - {"metadata", "cancellation_details", "expand"}:
        raise invalid("A canceled subscription can only update its cancellation_details and metadata.")
    if subscription["schedule"] and {"items", "discounts", "cancel_at", "collection_method"} & set(params):
        raise invalid(
            "The subscription is managed by the subscription schedule `" + subscription["schedule"] + "`, and updating "
            "any of these fields directly is not allowed. Please update the schedule instead."
        )
    changed = updated(call, subscription, params)
    behavior = params.get("proration_behavior", "create_prorations")
    drop_usage(call.world, before, changed, behavior)
    made: Obj | None = None
    if behavior != "none" and changed["items"]["data"] != before["items"]["data"]:
        moment = params.get("proration_date", call.world.now)
        lines = prorations.proration_lines(call.world, before, changed, moment)
        if behavior == "always_invoice" and lines:
            invoice = invoices.build(call.world, changed, lines, reason="subscription_update")
            refuse_incomplete(call, changed, invoice)
            made = call.world.put("invoices", invoice)
            changed["latest_invoice"] = invoice["id"]
            emit(call, "invoice.created", invoice)
        elif lines:
            for line in lines:
                call.world.put("invoiceitems", pending_item(call.world, changed, line))
    subscription.update(changed)
    emit(call, "customer.subscription.updated", subscription, before)
    if made is not None and subscription["collection_method"] == "charge_automatically":
        finalizing.issue(call.world, made, teller(call))
    return subscription


def drop_usage(world: World, before: Obj, after: Obj, behavior: str) -> None:
    """Usage of a metered item whose price goes is lost without proration, and in classic mode."""
    kept = {(item["id"], item["price"]["id"]) for item in after["items"]["data"]}
    for item in before["items"]["data"]:
        if not metering.is_metered(item["price"]) or (item["id"], item["price"]["id"]) in kept:
            continue
        lines = metering.ended_lines(world, before["customer"], item, item["current_period_start"], world.now)
        if (
            any(line["amount"] for line in lines)
            and behavior != "none"
            and before["billing_mode"]["type"] == "flexible"
        ):
            raise NotModelled("usage that is billed at once because a metered price is changed")


@route("get", "/v1/subscriptions/{subscription_exposed_id}")
def retrieve_subscription(call: Call) -> Obj:
    return get(call.world, "subscriptions", call.ids[0], kind="subscription")


@route("get", "/v1/subscriptions", *PAGING, "customer", "status", "price", "test_clock")
def list_subscriptions(call: Call) -> Obj:
    """Without ``status``, canceled ones are left out."""
    customer, status, price = (call.params.get(name) for name in ("customer", "status", "price"))

    def keep(s: Obj) -> bool:
        if status == "ended":
            right = s["status"] in ENDED
        else:
            right = status == "all" or (s["status"] == status if status else s["status"] not in ENDED)
        prices = [item["price"]["id"] for item in s["items"]["data"]]
        return right and customer in (None, s["customer"]) and (price is None or price in prices)

    answer = listed(call, "subscriptions", keep)
    return answer | {"data": [with_first_items(s) for s in answer["data"]]}


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
    customer = world.stripe["customers"][subscription["customer"]]
    if customer["currency"] not in (None, subscription["currency"]):
        raise invalid(
            f"You cannot combine currencies on a single customer. This customer has had a subscription, coupon, or "
            f"invoice item with currency {customer['currency']}",
            param="currency",
        )


def clean(lines: list[Obj]) -> list[Obj]:
    """Lines as they were before a trial run took discounts off them."""
    return [line | {"discount_amounts": []} for line in lines]


def added_items(world: World, subscription: Obj, params: Obj) -> list[Obj]:
    """The one-off items of a creation; on its first invoice, or pending where there is none."""
    found = []
    for given in params.get("add_invoice_items", []):
        for name in set(given) - {"price", "quantity", "metadata"}:
            raise NotModelled(f"add_invoice_items: {name}")
        form = {"pricing": {"price": given["price"]}, "quantity": given.get("quantity", 1)}
        form |= {"subscription": subscription["id"], "metadata": given.get("metadata")}
        found.append(invoiceitems.made(world, form, subscription["customer"]))
    if len(found) > 20:
        raise invalid("You can add up to 20 invoice items", param="add_invoice_items")
    return found


def with_first_items(subscription: Obj) -> Obj:
    """A list shows at most ten items of each subscription, and says so."""
    items = subscription["items"]
    return subscription | {"items": items | {"data": items["data"][:10], "has_more": len(items["data"]) > 10}}


def refuse_incomplete(call: Call, subscription: Obj, invoice: Obj) -> None:
    """Refuse the call where its invoice would not be paid and ``payment_behavior`` wants all or nothing.

    A creation without a source is refused unless it is to begin incomplete (SB 12.3).
    """
    attempt = payments.would_pay(call.world, invoice, subscription)
    refusal = payments.refusal(attempt)
    behavior = call.params.get("payment_behavior", "allow_incomplete")
    is_new = subscription["id"] not in call.world.stripe["subscriptions"]
    without = is_new and attempt.kind == "no_source" and behavior != "default_incomplete"
    if refusal is not None and (without or behavior == "error_if_incomplete"):
        raise refusal


def updated(call: Call, subscription: Obj, params: Obj) -> Obj:
    """A copy of the subscription with these parameters applied."""
    result = copy.deepcopy(subscription)
    items = result["items"]["data"]
    for given in params.get("items", []):
        apply_item(call.world, result, items, given)
    check_items(items, result["billing_mode"]["type"])
    if "collection_method" in params or "days_until_due" in params:
        result["collection_method"] = params.get("collection_method", result["collection_method"])
        due = params.get("days_until_due", result["days_until_due"])
        if result["collection_method"] == "charge_automatically":
            due = None
        check_collection({"days_until_due": due}, result["collection_method"])
        result["days_until_due"] = due
    for name in ("description", "default_payment_method", "cancel_at_period_end"):
        if name in params:
            result[name] = None if params[name] == "" else params[name]
    if params.get("cancel_at_period_end"):
        end = max(item["current_period_end"] for item in items)
        result |= {"cancel_at": end, "canceled_at": call.world.now}
    elif params.get("cancel_at_period_end") is False:
        result |= {"cancel_at": None, "canceled_at": None}
    if "cancel_at" in params:
        end = params["cancel_at"] or None
        check_end(call.world, end)
        asked = call.world.now if end else None
        result |= {"cancel_at": end, "cancel_at_period_end": False, "canceled_at": asked}
    if "automatic_tax" in params:
        customer = call.world.stripe["customers"][result["customer"]]
        result["automatic_tax"] = tax.check_automatic(call.world, customer, params, items)
    result["discounts"] = discounts.chosen(call.world, result, params.get("discounts"), keep=True)
    result["metadata"] = merge_metadata(result["metadata"], params.get("metadata"))
    return result
