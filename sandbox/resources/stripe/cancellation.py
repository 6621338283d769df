"""DELETE of a subscription: it ends at once, with what it credits, invoices and stops."""

from __future__ import annotations

import copy

from sandbox.billing import drafts, invoices, metering, prorations, stopping
from sandbox.billing.lines import is_pending, pending_item, pending_lines
from sandbox.resources.stripe.objects import emit, event_sink, get
from sandbox.resources.stripe.routes import Call, route
from sandbox.world.refusal import missing
from sandbox.world.state import Obj, World

ENDED = ("canceled", "incomplete_expired")


@route("delete", "/v1/subscriptions/{subscription_exposed_id}", "invoice_now", "prorate", "cancellation_details")
def cancel_subscription(call: Call) -> Obj:
    """End a subscription at once; a second call is 404 (FACTS_A 38).

    Its drafts and open invoices are stopped, but for the invoice that the cancellation itself makes (FACTS_A 32).
    """
    subscription = get(call.world, "subscriptions", call.ids[0], kind="subscription")
    if subscription["status"] in ENDED:
        raise missing("subscription", subscription["id"])
    now, world = call.world.now, call.world
    stopping.stop(world, subscription, event_sink(call))
    settle_items(call, subscription, **{n: bool(call.params.get(n)) for n in ("invoice_now", "prorate")})
    if subscription["schedule"]:
        world.stripe["subscription_schedules"][subscription["schedule"]] |= {"status": "canceled", "canceled_at": now}
    details = {"comment": None, "feedback": None, "feedback_option": None, "reason": "cancellation_requested"}
    subscription |= {"status": "canceled", "canceled_at": now, "ended_at": now}
    subscription["cancellation_details"] = details | call.params.get("cancellation_details", {})
    emit(call, "customer.subscription.deleted", subscription)
    return subscription


def settle_items(call: Call, subscription: Obj, *, invoice_now: bool, prorate: bool) -> None:
    """Credit the unused time (``prorate``), and invoice what is pending (``invoice_now``) or leave it."""
    world = call.world
    if prorate:
        credit_unused(world, subscription, tied=invoice_now)
    if invoice_now:
        invoice_last(call, subscription)
    elif not prorate and world.unknowns["cancel_removes_prorations"]:
        items = world.stripe["invoiceitems"]
        own = (i for i in items.values() if is_pending(i, subscription) and i["parent"])
        for id in [item["id"] for item in own if item["proration"]]:
            del items[id]


def credit_unused(world: World, subscription: Obj, *, tied: bool) -> None:
    """Credit the unused time as pending items; without an invoice they belong to no subscription (FACTS_A 30)."""
    after = copy.deepcopy(subscription) | {"items": {"data": []}}
    for line in prorations.proration_lines(world, subscription, after, world.now):
        item = pending_item(world, subscription, line)
        if not tied:
            item["parent"] = None
            item.pop("proration_details", None)
        world.put("invoiceitems", item)


def invoice_last(call: Call, subscription: Obj) -> None:
    """Put what is pending, and use that a meter counted, on a draft that advances by itself (FACTS_A 32, 33).

    That of an unpaid or paused subscription does not (SB 12.8, 21.3).
    """
    world = call.world
    lines = pending_lines(world, subscription) + metering.unbilled_lines(world, subscription)
    if not lines:
        return
    invoice = invoices.build(world, subscription, lines, reason="subscription_cycle")
    invoice |= {"period_start": subscription["start_date"], "period_end": world.now}
    attempt = world.now + 3600 if subscription["collection_method"] == "charge_automatically" else None
    invoice |= {"next_payment_attempt": attempt, "automatically_finalizes_at": world.now + 3601}
    world.put("invoices", invoice)
    subscription["latest_invoice"] = invoice["id"]
    emit(call, "invoice.created", invoice)
    drafts.hold(world, invoice, subscription, event_sink(call))
