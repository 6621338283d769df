"""Passing time: periods end, renewals create drafts, drafts are finalized, subscriptions end at their date."""

from __future__ import annotations

import copy

from sandbox.billing import discounts, drafts, dunning, finalizing, invoices, metering, payments, prorations, stopping
from sandbox.billing.lines import pending_lines
from sandbox.world.state import EventSink, Obj, World

ENDED = ("canceled", "incomplete_expired")


def advance(world: World, now: int, sink: EventSink) -> None:
    """Advance the clock and perform due steps in order of time. ``sink`` receives each event's type and object."""
    while True:
        due_times = [m for m in due(world) if m <= now]
        if not due_times:
            break
        world.now = max(world.now, min(due_times))
        step(world, sink)
    world.now = now


def due(world: World) -> list[int]:
    """Return the times of the next due steps, Unix seconds."""
    due_times = []
    for subscription in world.stripe["subscriptions"].values():
        if subscription["status"] in ENDED:
            continue
        if subscription["cancel_at"]:
            due_times.append(subscription["cancel_at"])
        due_times += [item["current_period_end"] for item in subscription["items"]["data"]]
        pause = subscription.get("pause_collection") or {}
        due_times += [pause["resumes_at"]] if pause.get("resumes_at") else []
    for invoice in world.stripe["invoices"].values():
        moment = drafts.finalizes_at(world, invoice)
        due_times += [moment] if moment is not None else []
    due_times += dunning.due(world)
    due_times += stopping.due_times(world)
    counting = (metering.counted_at(world, event) for event in world.stripe["meter_events"].values())
    return [*due_times, *(moment for moment in counting if moment > world.now)]


def step(world: World, sink: EventSink) -> None:
    """Perform every step that is due at the world's time."""
    for subscription in list(world.stripe["subscriptions"].values()):
        if subscription["status"] in ENDED:
            continue
        if subscription["cancel_at"] and subscription["cancel_at"] <= world.now:
            cancel(world, subscription, sink)
        elif any(item["current_period_end"] <= world.now for item in subscription["items"]["data"]):
            renew(world, subscription, sink)
    stopping.settle(world, sink)
    metering.refresh(world)
    drafts.end_pauses(world, sink)
    for invoice in drafts.due(world):
        metering.recount(world, invoice)
        finalizing.issue(world, invoice, sink)
    dunning.step(world, sink)


def cancel(world: World, subscription: Obj, sink: EventSink) -> None:
    """Cancel a subscription at its date; pending items go on a last draft, which is not stopped unless none is collected."""
    stopping.stop(world, subscription, sink)
    lines = pending_lines(world, subscription) + metering.unbilled_lines(world, subscription)
    if lines:
        invoice = world.put("invoices", invoices.build(world, subscription, lines, reason="subscription_cycle"))
        subscription["latest_invoice"] = invoice["id"]
        sink("invoice.created", invoice)
        drafts.hold(world, invoice, subscription, sink)
    subscription |= {"status": "canceled", "ended_at": subscription["cancel_at"]}
    sink("customer.subscription.deleted", subscription)


def ends_without_source(world: World, subscription: Obj, sink: EventSink) -> bool:
    """End a trial that has nothing to charge as its settings say (paused or canceled); return whether they do."""
    behavior = (subscription.get("trial_settings") or {}).get("end_behavior", {})
    way = behavior.get("missing_payment_method")
    charged = subscription["collection_method"] == "charge_automatically"
    if not charged or way not in ("pause", "cancel"):
        return False
    if payments.source_of(world, {"customer": subscription["customer"]}, subscription) is not None:
        return False
    subscription["status"] = "paused" if way == "pause" else "canceled"
    if way == "cancel":
        subscription |= {"canceled_at": world.now, "ended_at": world.now}
    sink("customer.subscription.paused" if way == "pause" else "customer.subscription.deleted", subscription)
    return True


def renew(world: World, subscription: Obj, sink: EventSink) -> None:
    """Start the next period of items whose period ended, with its draft: paused collection and a paused status make none."""
    over = subscription["status"] == "trialing" and subscription["trial_end"] <= world.now
    if over and ends_without_source(world, subscription, sink):
        return
    before = copy.deepcopy(subscription)
    renewed, used, since = [], [], world.now
    for item in subscription["items"]["data"]:
        if item["current_period_end"] <= world.now:
            start = item["current_period_end"]
            if metering.is_metered(item["price"]):
                began = metering.counted_from(item)
                used += metering.ended_lines(world, subscription["customer"], item, began, start)
            end = prorations.grid(subscription, item, start)[1]
            since = min(since, item["current_period_start"])
            item |= {"current_period_start": start, "current_period_end": min(end, subscription["cancel_at"] or end)}
            renewed.append(item)
    if over:
        subscription["status"] = "active"
    sink("customer.subscription.updated", subscription, before)
    if subscription["status"] == "paused":
        return
    lines = pending_lines(world, subscription) + prorations.cycle_lines(world, subscription, renewed) + used
    discounts.end_expired(world, subscription, world.now)
    invoice = invoices.build(world, subscription, lines, reason="subscription_cycle", since=since)
    world.put("invoices", invoice)
    subscription["latest_invoice"] = invoice["id"]
    sink("invoice.created", invoice)
    drafts.hold(world, invoice, subscription, sink)
    if invoice["status"] == "draft" and invoice["total"] == 0 and not world.unknowns["zero_renewal_waits"]:
        finalizing.issue(world, invoice, sink)
