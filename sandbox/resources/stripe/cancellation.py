"""DELETE of a subscription: it ends at once, with what it credits, invoices and stops."""

from __future__ import annotations

import copy

from sandbox.billing import finalizing, invoices, metering, prorations
from sandbox.billing.lines import is_pending, pending_item, pending_lines
from sandbox.resources.stripe.objects import emit, get, teller
from sandbox.resources.stripe.routes import Call, route
from sandbox.world.refusal import missing
from sandbox.world.state import Obj

ENDED = ("canceled", "incomplete_expired")


@route("delete", "/v1/subscriptions/{subscription_exposed_id}", "invoice_now", "prorate", "cancellation_details")
def cancel_subscription(call: Call) -> Obj:
    """At once. ``prorate`` credits the unused time; ``invoice_now`` invoices what is pending, else it is left pending.

    With neither, the pending prorations of the subscription are removed.
    """
    subscription = get(call.world, "subscriptions", call.ids[0], kind="subscription")
    if subscription["status"] in ENDED:
        raise missing("subscription", subscription["id"])
    now, world = call.world.now, call.world
    last_invoice(call, subscription, **{n: bool(call.params.get(n)) for n in ("invoice_now", "prorate")})
    if subscription["schedule"]:
        world.stripe["subscription_schedules"][subscription["schedule"]] |= {"status": "canceled", "canceled_at": now}
    details = {"comment": None, "feedback": None, "feedback_option": None, "reason": "cancellation_requested"}
    subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
    subscription["cancellation_details"] = details | call.params.get("cancellation_details", {})
    emit(call, "customer.subscription.deleted", subscription)
    return subscription


def last_invoice(call: Call, subscription: Obj, *, invoice_now: bool, prorate: bool) -> None:
    """What a cancellation credits and invoices."""
    world = call.world
    if prorate:
        after = copy.deepcopy(subscription) | {"items": {"data": []}}
        for line in prorations.proration_lines(world, subscription, after, world.now):
            world.put("invoiceitems", pending_item(world, subscription, line))
    if invoice_now:
        lines = pending_lines(world, subscription) + metering.unbilled_lines(world, subscription)
        if lines:
            invoice = invoices.build(world, subscription, lines, reason="subscription_update")
            world.put("invoices", invoice)
            subscription["latest_invoice"] = invoice["id"]
            emit(call, "invoice.created", invoice)
            if subscription["collection_method"] == "charge_automatically":
                finalizing.issue(world, invoice, teller(call))
    elif not prorate:
        gone = [
            i["id"] for i in world.stripe["invoiceitems"].values() if i["proration"] and is_pending(i, subscription)
        ]
        for id in gone:
            del world.stripe["invoiceitems"][id]
