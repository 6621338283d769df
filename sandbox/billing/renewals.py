"""What time does: periods end, cycle invoices are made as drafts, drafts are finalized, subscriptions end at their date."""

from __future__ import annotations

import copy

from sandbox.billing import discounts, drafts, dunning, finalizing, invoices, metering, payments, prorations, stopping
from sandbox.billing.lines import pending_lines
from sandbox.world.state import Obj, Told, World

ENDED = ("canceled", "incomplete_expired")


def advance(world: World, now: int, told: Told) -> None:
    """Moves the clock, doing what falls due on the way in order of time. ``told`` is given each event's type and object."""
    while True:
        moments = [m for m in due(world) if m <= now]
        if not moments:
            break
        world.now = max(world.now, min(moments))
        step(world, told)
    world.now = now


def due(world: World) -> list[int]:
    """The moments at which something happens next."""
    moments = []
    for subscription in world.stripe["subscriptions"].values():
        if subscription["status"] in ENDED:
            continue
        if subscription["cancel_at"]:
            moments.append(subscription["cancel_at"])
        moments += [item["current_period_end"] for item in subscription["items"]["data"]]
        pause = subscription.get("pause_collection") or {}
        moments += [pause["resumes_at"]] if pause.get("resumes_at") else []
    for invoice in world.stripe["invoices"].values():
        moment = drafts.finalizes_at(world, invoice)
        moments += [moment] if moment is not None else []
    moments += dunning.due(world)
    moments += stopping.moments(world)
    counting = (metering.counted_at(world, event) for event in world.stripe["meter_events"].values())
    return [*moments, *(moment for moment in counting if moment > world.now)]


def step(world: World, told: Told) -> None:
    """Everything that is due at the world's moment."""
    for subscription in list(world.stripe["subscriptions"].values()):
        if subscription["status"] in ENDED:
            continue
        if subscription["cancel_at"] and subscription["cancel_at"] <= world.now:
            cancel(world, subscription, told)
        elif any(item["current_period_end"] <= world.now for item in subscription["items"]["data"]):
            renew(world, subscription, told)
    stopping.settle(world, told)
    metering.refresh(world)
    drafts.end_pauses(world, told)
    for invoice in drafts.due(world):
        metering.recount(world, invoice)
        finalizing.issue(world, invoice, told)
    dunning.step(world, told)


def cancel(world: World, subscription: Obj, told: Told) -> None:
    """At its date; what is pending goes on a last draft, which is not stopped."""
    stopping.stop(world, subscription, told)
    subscription |= {"status": "canceled", "ended_at": subscription["cancel_at"]}
    lines = pending_lines(world, subscription) + metering.unbilled_lines(world, subscription)
    if lines:
        invoice = world.put("invoices", invoices.build(world, subscription, lines, reason="subscription_cycle"))
        subscription["latest_invoice"] = invoice["id"]
        told("invoice.created", invoice)
    told("customer.subscription.deleted", subscription)


def ends_without_source(world: World, subscription: Obj, told: Told) -> bool:
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
    told("customer.subscription.paused" if way == "pause" else "customer.subscription.deleted", subscription)
    return True


def renew(world: World, subscription: Obj, told: Told) -> None:
    """The next period of the items whose period ended, and its draft: paused collection and a paused status make none."""
    over = subscription["status"] == "trialing" and subscription["trial_end"] <= world.now
    if over and ends_without_source(world, subscription, told):
        return
    before = copy.deepcopy(subscription)
    renewed, used, since = [], [], world.now
    for item in subscription["items"]["data"]:
        if item["current_period_end"] <= world.now:
            start = item["current_period_end"]
            if metering.is_metered(item["price"]):
                began = item["current_period_start"]
                used += metering.ended_lines(world, subscription["customer"], item, began, start)
            end = prorations.grid(subscription, item, start)[1]
            since = min(since, item["current_period_start"])
            item |= {"current_period_start": start, "current_period_end": min(end, subscription["cancel_at"] or end)}
            renewed.append(item)
    if over:
        subscription["status"] = "active"
    told("customer.subscription.updated", subscription, before)
    if subscription["status"] == "paused":
        return
    lines = pending_lines(world, subscription) + prorations.cycle_lines(world, subscription, renewed) + used
    discounts.end_expired(world, subscription, world.now)
    invoice = invoices.build(world, subscription, lines, reason="subscription_cycle", since=since)
    world.put("invoices", invoice)
    subscription["latest_invoice"] = invoice["id"]
    told("invoice.created", invoice)
    drafts.renewed(world, invoice, subscription, told)
    if invoice["status"] == "draft" and invoice["total"] == 0 and not world.unknowns["zero_renewal_waits"]:
        finalizing.issue(world, invoice, told)
