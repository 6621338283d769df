"""Updates that wait for their payment: applied once their invoice is paid, given up when it is void or after 23 hours.

The invoice of such an update is not tried again automatically, and a failed payment leaves the subscription's status.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator

from sandbox.billing import items as items_of
from sandbox.world.state import EventSink, Obj, World

ENDED = ("canceled", "incomplete_expired")
SECONDS = 23 * 3600
FIELDS = (
    "billing_cycle_anchor", "cancel_at_period_end", "discount", "discounts", "metadata", "trial_end", "trial_from_plan",
)  # fmt: skip


def waiting(world: World, subscription: Obj, after: Obj | None) -> Obj:
    """Return the ``pending_update`` of a subscription; ``after`` is its state once paid, None for one that resumes."""
    ends = [item["current_period_end"] for item in subscription["items"]["data"]]
    ends = [end for end in (*ends, subscription["trial_end"] or 0) if end > world.now]
    fields: Obj = dict.fromkeys(FIELDS)
    rows = copy.deepcopy(after["items"]["data"]) if after is not None else None
    for name in ("billing_cycle_anchor", "trial_end"):
        if after is not None and after[name] != subscription[name]:
            fields[name] = after[name]
    return fields | {"expires_at": min([world.now + SECONDS, *ends]), "subscription_items": rows}


def attach(invoice: Obj) -> None:
    """Record that an invoice is of an update that waits for it."""
    invoice["collection"] = (invoice.get("collection") or {}) | {"pending_update": True}


def is_of(invoice: Obj) -> bool:
    """Return whether an update waits for the payment of this invoice."""
    return bool((invoice.get("collection") or {}).get("pending_update"))


def apply(invoice: Obj, subscription: Obj, sink: EventSink) -> None:
    """Carry out an update whose invoice is paid; a paused subscription begins a period when it was resumed."""
    update, before = subscription["pending_update"], copy.deepcopy(subscription)
    subscription["pending_update"] = None
    if update["subscription_items"] is not None:
        subscription["items"]["data"] = update["subscription_items"]
    subscription |= {name: update[name] for name in ("billing_cycle_anchor", "trial_end") if update[name] is not None}
    if subscription["status"] == "paused":
        items_of.begin(subscription, invoice["created"])
    if subscription["status"] == "paused" or update["trial_end"] is not None:
        subscription["status"] = "active"
    subscription |= items_of.with_legacy(subscription)
    sink("customer.subscription.pending_update_applied", subscription)
    sink("customer.subscription.updated", subscription, before)


def discard(subscription: Obj, sink: EventSink) -> None:
    """Give up an update whose invoice is void."""
    before = dict(subscription)
    subscription["pending_update"] = None
    sink("customer.subscription.pending_update_expired", subscription)
    sink("customer.subscription.updated", subscription, before)


def living(world: World) -> Iterator[Obj]:
    """Yield the subscriptions with an update that waits."""
    for subscription in world.stripe["subscriptions"].values():
        if subscription.get("pending_update") and subscription["status"] not in ENDED:
            yield subscription
