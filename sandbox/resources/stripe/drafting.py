"""New subscriptions before they are stored: items, periods and terms, validated like Stripe."""

from __future__ import annotations

from sandbox.billing import metering, periods, prorations
from sandbox.billing.items import with_legacy
from sandbox.resources.stripe import payers, tax, tax_rates
from sandbox.resources.stripe.items import check_items, check_price_currency, new_item, running_period
from sandbox.resources.stripe.objects import get
from sandbox.resources.stripe.routes import Call
from sandbox.resources.stripe.timing import Timing, check_end, timing
from sandbox.world import currencies
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, invalid, missing, only_one
from sandbox.world.state import Obj, World

NOTHING = (
    "application", "application_fee_percent", "billing_thresholds", "cancel_at", "canceled_at", "customer_account",
    "default_source", "ended_at", "latest_invoice", "next_pending_invoice_item_invoice", "on_behalf_of",
    "pause_collection", "pending_invoice_item_interval", "pending_setup_intent", "pending_update", "schedule",
    "test_clock", "transfer_data", "status_details",
)  # fmt: skip
MAX_LINES = 250
PAYMENT_SETTINGS: Obj = {
    "payment_method_options": None, "payment_method_types": None, "save_default_payment_method": "off",
}  # fmt: skip
NO_DETAILS = {"comment": None, "feedback": None, "feedback_option": None, "reason": None}


def draft_subscription(call: Call, params: Obj) -> Obj:
    """Return the subscription that these parameters make, checked but not kept."""
    world = call.world
    customer = customer_of(world, params)
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise invalid(
            "Setting `payment_behavior` to `pending_if_incomplete` has no effect when creating a subscription.",
            param="payment_behavior",
        )
    when = timing(world, params)
    id = world.next_id("sub")
    items = [new_item(world, id, given, f"items[{n}]") for n, given in enumerate(params.get("items", []))]
    if not items:
        raise invalid("Missing required param: items.", param="items", code="parameter_missing")
    check_items(items, billing_mode(world, params)["type"])
    if "currency" in params:
        for n, item in enumerate(items):
            check_price_currency(item["price"], currencies.check(params["currency"]), f"items[{n}][price]")
    method = params.get("collection_method", "charge_automatically")
    check_collection(params, method)
    payers.check_method(world, customer["id"], params.get("default_payment_method"))
    subscription = terms(world, params, customer, when) | {"id": id, "collection_method": method}
    subscription["automatic_tax"] = tax.check_automatic(world, customer, params, items)
    tax.refuse_rates(subscription["default_tax_rates"], items, automatic=subscription["automatic_tax"]["enabled"])
    subscription["currency"] = items[0]["price"]["currency"]
    check_anchor(world, items, when)
    for item in items:
        item |= running_period(world, subscription, item)
    url = f"/v1/subscription_items?subscription={id}"
    subscription["items"] = {"object": "list", "data": items, "has_more": False, "url": url}
    subscription["cancel_at"] = check_end(world, items, params.get("cancel_at"))
    for item in items:
        item["current_period_end"] = min(
            item["current_period_end"], subscription["cancel_at"] or item["current_period_end"]
        )
    if params.get("cancel_at_period_end"):
        end_with_period(world, subscription, params)
    return with_legacy(subscription)


def end_with_period(world: World, subscription: Obj, params: Obj) -> None:
    """A subscription that is made to end with its first period, as an update makes it (FACTS_A 36)."""
    if params.get("cancel_at"):
        raise only_one("cancel_at", "cancel_at_period_end")
    end = max(item["current_period_end"] for item in subscription["items"]["data"])
    subscription |= {"cancel_at_period_end": True, "cancel_at": end, "canceled_at": world.now}
    subscription["cancellation_details"] = NO_DETAILS | {"reason": "cancellation_requested"}


def customer_of(world: World, params: Obj) -> Obj:
    """Return the living customer of a new subscription; an unknown one is a 404 (FACTS_A 59)."""
    if not params.get("customer"):
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = get(world, "customers", params["customer"], kind="customer", param="customer")
    if customer.get("deleted"):
        raise missing("customer", customer["id"], param="customer", status=400)
    return customer


def terms(world: World, params: Obj, customer: Obj, when: Timing) -> Obj:
    """Return the fields of a subscription without its items."""
    fields: Obj = dict.fromkeys(NOTHING)
    return fields | {
        "object": "subscription",
        "billing_cycle_anchor": when.anchor,
        "billing_cycle_anchor_config": when.config,
        "billing_mode": billing_mode(world, params),
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": dict(NO_DETAILS),
        "created": world.now,
        "customer": customer["id"],
        "days_until_due": params.get("days_until_due"),
        "debits_known": True,
        "default_payment_method": params.get("default_payment_method"),
        "default_tax_rates": tax_rates.chosen(world, params.get("default_tax_rates"), "default_tax_rates"),
        "description": params.get("description") or None,
        "discounts": [],
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": merge_metadata({}, params.get("metadata")),
        "payment_settings": payment_settings(PAYMENT_SETTINGS, params),
        "start_date": when.start,
        "status": "trialing" if when.trial_end else "active",
        "trial_end": when.trial_end,
        "trial_settings": trial_settings(params),
        "trial_start": world.now if when.trial_end else None,
    }


def trial_settings(params: Obj) -> Obj:
    """Return the settings for the end of a trial: a new anchor, and an invoice without a payment method."""
    given = (params.get("trial_settings") or {}).get("end_behavior", {})
    return {"end_behavior": {"billing_cycle_anchor": "now", "missing_payment_method": "create_invoice"} | given}


def payment_settings(before: Obj, params: Obj) -> Obj:
    """Return how the invoices of a subscription are paid; an empty text clears a field."""
    given = params.get("payment_settings", {})
    if given.get("payment_method_options"):
        raise NotModelled("payment_settings[payment_method_options]")
    return before | {name: None if value == "" else value for name, value in given.items()}


def billing_mode(world: World, params: Obj) -> Obj:
    """Return the billing mode: flexible by default, since 2025-09-30.clover."""
    kind = params.get("billing_mode", {}).get("type", "flexible")
    flexible = {"proration_discounts": "included"} if kind == "flexible" else None
    return {"type": kind, "flexible": flexible, "updated_at": world.now if flexible else None}


def check_anchor(world: World, items: list[Obj], when: Timing) -> None:
    """Refuse an anchor after the next natural billing date, counted from now or from the end of a trial (SB 11.10)."""
    for item in items:
        natural = periods.shift(when.trial_end or world.now, item["price"]["recurring"], 1)
        if when.anchor > natural:
            raise invalid(
                f"billing_cycle_anchor cannot be later than next natural billing date ({natural}) for plan",
                param="billing_cycle_anchor",
            )


def first_invoice_lines(world: World, subscription: Obj, params: Obj) -> list[Obj]:
    """Nothing is invoiced for the time before a future anchor where prorations are off; a trial is a line of 0."""
    if subscription["status"] == "trialing":
        return prorations.trial_lines(world, subscription)
    unprorated = params.get("proration_behavior") == "none"
    if subscription["billing_cycle_anchor"] > world.now and unprorated:
        return []
    lines = prorations.first_lines(world, subscription, whole=unprorated)
    lines += metering.backdated_lines(world, subscription)
    if len(lines) > MAX_LINES:
        raise invalid(f"A backdated subscription can have up to {MAX_LINES} lines on its first invoice.",
                      param="backdate_start_date")  # fmt: skip
    return lines


def check_collection(params: Obj, method: str) -> None:
    due = params.get("days_until_due")
    if method == "send_invoice" and due is None:
        raise invalid(
            "You must pass days_until_due when creating a subscription with collection_method set to send_invoice",
            param="days_until_due",
            code="parameter_missing",
        )
    if method == "charge_automatically" and due is not None:
        raise invalid("You can only specify 'days_until_due' if invoice collection method is 'send_invoice'.")
