"""Subscription schedules: made from a subscription, read, released. What their phases would do is not modelled."""

from __future__ import annotations

from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.refusal import NotModelled, invalid
from sandbox.world.state import Obj


@route("post", "/v1/subscription_schedules", "from_subscription")
def create_schedule(call: Call) -> Obj:
    world = call.world
    if "from_subscription" not in call.params:
        raise NotModelled("subscription_schedules without from_subscription")
    subscription = get(
        world, "subscriptions", call.params["from_subscription"], kind="subscription", param="from_subscription",
        status=400,
    )  # fmt: skip
    if subscription["schedule"]:
        raise invalid(
            "You cannot migrate a subscription that is already attached to a schedule", param="from_subscription"
        )
    items = subscription["items"]["data"]
    start, end = items[0]["current_period_start"], items[0]["current_period_end"]
    schedule = {
        "id": world.next_id("sub_sched"),
        "object": "subscription_schedule",
        "application": None,
        "billing_mode": dict(subscription["billing_mode"]),
        "canceled_at": None,
        "completed_at": None,
        "created": world.now,
        "current_phase": {"start_date": start, "end_date": end},
        "customer": subscription["customer"],
        "customer_account": None,
        "default_settings": {
            "application_fee_percent": None,
            "billing_cycle_anchor": "automatic",
            "billing_thresholds": None,
            "collection_method": subscription["collection_method"],
            "default_payment_method": None,
            "description": None,
            "invoice_settings": {
                "account_tax_ids": None,
                "custom_fields": None,
                "days_until_due": None,
                "description": None,
                "footer": None,
                "issuer": {"type": "self"},
            },
            "on_behalf_of": None,
            "transfer_data": None,
        },
        "end_behavior": "release",
        "livemode": False,
        "metadata": {},
        "pause_schedules": [],
        "phases": [],
        "released_at": None,
        "released_subscription": None,
        "status": "active",
        "subscription": subscription["id"],
        "test_clock": None,
    }
    subscription["schedule"] = schedule["id"]
    emit(call, "subscription_schedule.created", world.put("subscription_schedules", schedule))
    return schedule


@route("get", "/v1/subscription_schedules/{schedule}")
def retrieve_schedule(call: Call) -> Obj:
    return get(call.world, "subscription_schedules", call.ids[0], kind="schedule")


@route("get", "/v1/subscription_schedules", *PAGING, "customer")
def list_schedules(call: Call) -> Obj:
    customer = call.params.get("customer")
    return listed(call, "subscription_schedules", lambda s: customer in (None, s["customer"]))


@route("post", "/v1/subscription_schedules/{schedule}/release", "preserve_cancel_date")
def release_schedule(call: Call) -> Obj:
    """The subscription goes on as it is, without the schedule."""
    schedule = get(call.world, "subscription_schedules", call.ids[0], kind="schedule")
    if schedule["status"] not in ("active", "not_started"):
        raise invalid(
            f"You cannot release a subscription schedule that is currently in the `{schedule['status']}` status."
        )
    subscription = call.world.stripe["subscriptions"][schedule["subscription"]]
    subscription["schedule"] = None
    schedule |= {
        "status": "released",
        "released_at": call.world.now,
        "released_subscription": subscription["id"],
        "subscription": None,
    }
    emit(call, "subscription_schedule.released", schedule)
    emit(call, "customer.subscription.updated", subscription)
    return schedule
