"""Automatic finalization of drafts: an hour after creation, unless the account, a request or a pause sets another time."""

from __future__ import annotations

from sandbox.billing import finalizing, payments, subscription_status
from sandbox.world.state import DAY, EventSink, Obj, World

HOUR = 3600
LONGEST = 3 * DAY  # how long failing webhooks may hold a draft (SB 1.4)


def schedule(world: World, invoice: Obj) -> None:
    """Set the times of a draft from its ``created``: the payment one second before the finalization (FACTS_B 9-11).

    Both are null where ``auto_advance`` is false; an invoice that is sent has no payment to wait for.
    """
    at = invoice["created"] + int(grace_hours(world, invoice) * HOUR)
    on = bool(invoice["auto_advance"]) and invoice["status"] == "draft"
    automatic = invoice["collection_method"] == "charge_automatically"
    invoice |= {
        "automatically_finalizes_at": at + 1 if on else None,
        "next_payment_attempt": at if on and automatic else None,
    }
    invoice["collection"] = payments.collection(invoice) | {"custom_time": False}


def set_time(invoice: Obj, moment: int) -> None:
    """Set a time of one's own, which failing webhooks do not delay (SB 1.4)."""
    automatic = invoice["collection_method"] == "charge_automatically"
    invoice |= {
        "automatically_finalizes_at": moment,
        "next_payment_attempt": moment if automatic else None,
        "collection": payments.collection(invoice) | {"custom_time": True},
    }


def grace_hours(world: World, invoice: Obj) -> float:
    """Return how many hours the draft of a renewal waits: the first rule that fits, else the account's (SB 1.5)."""
    if invoice["billing_reason"] != "subscription_cycle":
        return 1
    for rule in world.billing["grace_rules"]:
        if fits(world, invoice, rule["when"]):
            return float(rule["hours"])
    return float(world.billing["grace_hours"])


def fits(world: World, invoice: Obj, when: str) -> bool:
    """Return whether a rule of the grace period is about this draft; known are ``cycle`` and ``metered``."""
    subscription = payments.subscription_of(world, invoice)
    items = subscription["items"]["data"] if subscription else []
    return when == "cycle" or any(item["price"]["recurring"]["usage_type"] == when for item in items)


def finalizes_at(world: World, invoice: Obj) -> int | None:
    """Return when a draft is finalized automatically; None if never.

    A webhook endpoint that fails delays what is collected automatically, unless a time was set for it (SB 1.4).
    """
    moment: int | None = invoice["automatically_finalizes_at"]
    if invoice["status"] != "draft" or not invoice["auto_advance"] or moment is None:
        return None
    automatic = invoice["collection_method"] == "charge_automatically"
    if world.billing["webhook_failing"] and automatic and not payments.collection(invoice).get("custom_time"):
        return int(max(moment, invoice["created"] + LONGEST))
    return moment


def due(world: World) -> list[Obj]:
    """Return the drafts that are due for finalization."""
    return [
        invoice
        for invoice in world.stripe["invoices"].values()
        if (moment := finalizes_at(world, invoice)) is not None and moment <= world.now
    ]


def is_uncollected(subscription: Obj) -> bool:
    """Return whether Stripe collects no new invoice of a subscription: unpaid (SB 12.8), or its collection is paused (SB 21.3)."""
    return subscription["status"] == "unpaid" or bool(subscription.get("pause_collection"))


def hold(world: World, invoice: Obj, subscription: Obj, sink: EventSink) -> bool:
    """Hold or end the new draft of a subscription that is unpaid (SB 12.8) or whose collection is paused (SB 21.3).

    Returns whether it does. A pause with ``mark_uncollectible`` acts at finalization.
    """
    pause = (subscription.get("pause_collection") or {}).get("behavior")
    if subscription["status"] == "unpaid" and not world.unknowns["unpaid_renewals_stay_drafts"]:
        finalizing.close(world, invoice, sink)
    elif subscription["status"] == "unpaid" or pause == "keep_as_draft":
        invoice["auto_advance"] = False
        schedule(world, invoice)
    elif pause == "void":
        payments.void(world, invoice, sink)
    else:
        return False
    return True


def end_pauses(world: World, sink: EventSink) -> None:
    """Resume collection where its pause has ended; drafts that the pause kept are not changed."""
    for subscription in world.stripe["subscriptions"].values():
        pause = subscription.get("pause_collection")
        if pause and pause.get("resumes_at") and pause["resumes_at"] <= world.now:
            before = dict(subscription)
            subscription["pause_collection"] = None
            if subscription["status"] not in subscription_status.OVER:
                sink("customer.subscription.updated", subscription, before)
