"""What a new subscription is before it is kept: its items, periods and terms, checked as Stripe checks them."""

from __future__ import annotations

from sandbox.billing import periods, prorations
from sandbox.resources.stripe import tax
from sandbox.resources.stripe.items import check_items, first_period, new_item
from sandbox.resources.stripe.objects import get
from sandbox.resources.stripe.routes import Call
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid, missing
from sandbox.world.state import Obj, World


def draft_subscription(call: Call, params: Obj) -> Obj:
    """The subscription that these parameters make, checked but not kept."""
    world = call.world
    if not params.get("customer"):
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = get(world, "customers", params["customer"], kind="customer", param="customer", status=400)
    if customer.get("deleted"):
        raise missing("customer", customer["id"], param="customer", status=400)
    start, anchor = timing(world, params)
    id = world.next_id("sub")
    items = [new_item(world, id, given) for given in params.get("items", [])]
    check_items(items, billing_mode(params)["type"])
    for item in items:
        item |= first_period(world, item, anchor, start)
    check_anchor(world, items, anchor)
    check_end(world, params.get("cancel_at"))
    method = params.get("collection_method", "charge_automatically")
    check_collection(params, method)
    nothing = (
        "application", "application_fee_percent", "billing_cycle_anchor_config", "billing_thresholds", "cancel_at",
        "canceled_at", "cancellation_details", "customer_account", "default_source", "ended_at", "latest_invoice",
        "next_pending_invoice_item_invoice", "on_behalf_of", "pause_collection", "pending_invoice_item_interval",
        "pending_setup_intent", "pending_update", "schedule", "test_clock", "transfer_data", "trial_end",
        "trial_settings", "trial_start", "managed_payments", "status_details",
    )  # fmt: skip
    fields: Obj = dict.fromkeys(nothing)
    return fields | {
        "id": id,
        "object": "subscription",
        "automatic_tax": tax.check_automatic(world, customer, params, items),
        "billing_cycle_anchor": anchor,
        "billing_mode": billing_mode(params),
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "collection_method": method,
        "created": world.now,
        "currency": items[0]["price"]["currency"],
        "customer": customer["id"],
        "days_until_due": params.get("days_until_due"),
        "default_payment_method": params.get("default_payment_method"),
        "default_tax_rates": [],
        "description": params.get("description") or None,
        "discounts": [],
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={id}",
        },
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "start_date": start,
        "status": "active",
        "cancel_at": params.get("cancel_at"),
    }


def billing_mode(params: Obj) -> Obj:
    """Flexible unless said otherwise, since 2025-09-30.clover."""
    kind = params.get("billing_mode", {}).get("type", "flexible")
    flexible = {"proration_discounts": "included"} if kind == "flexible" else None
    return {"type": kind, "flexible": flexible, "updated_at": None}


def timing(world: World, params: Obj) -> tuple[int, int]:
    """(start date, anchor): now unless backdated, the start unless anchored."""
    start: int = params.get("backdate_start_date", world.now)
    if start > world.now:
        raise invalid("backdate_start_date must be in the past", param="backdate_start_date")
    anchor: int = params.get("billing_cycle_anchor", start)
    if "billing_cycle_anchor" in params and anchor <= world.now:
        raise invalid("billing_cycle_anchor must be in the future", param="billing_cycle_anchor")
    return start, anchor


def check_anchor(world: World, items: list[Obj], anchor: int) -> None:
    """An anchor may not lie beyond the next natural billing date."""
    for item in items:
        if anchor > periods.shift(world.now, item["price"]["recurring"], 1):
            raise invalid(
                "billing_cycle_anchor cannot be later than next natural billing date for plan",
                param="billing_cycle_anchor",
            )


def first_invoice_lines(world: World, subscription: Obj, params: Obj) -> list[Obj]:
    """Nothing is invoiced for the time before a future anchor where prorations are off."""
    if subscription["billing_cycle_anchor"] > world.now and params.get("proration_behavior") == "none":
        return []
    return prorations.first_lines(world, subscription)


def check_end(world: World, end: object) -> None:
    if end is not None and (not isinstance(end, int) or end <= world.now):
        raise invalid("cancel_at must be a timestamp in the future", param="cancel_at")


def check_collection(params: Obj, method: str) -> None:
    due = params.get("days_until_due")
    if method == "send_invoice" and due is None:
        raise invalid(
            "You must pass days_until_due when creating a subscription with collection_method set to send_invoice",
            param="days_until_due",
            code="parameter_missing",
        )
    if method == "charge_automatically" and due is not None:
        raise invalid("days_until_due goes with collection_method=send_invoice", param="days_until_due")
