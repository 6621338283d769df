"""The items of a subscription: when their periods begin, and the fields of the subscription that repeat an item's."""

from __future__ import annotations

from sandbox.billing import periods
from sandbox.world.state import Obj


def begin(subscription: Obj, moment: int) -> None:
    """Set the anchor and every item's period to begin at a moment, in Unix seconds."""
    subscription |= {"billing_cycle_anchor": moment, "billing_cycle_anchor_config": None}
    for item in subscription["items"]["data"]:
        end = periods.shift(moment, item["price"]["recurring"], 1)
        item |= {"current_period_start": moment, "current_period_end": min(end, subscription["cancel_at"] or end)}


def with_legacy(subscription: Obj) -> Obj:
    """Return the subscription with the number of its items, and the plan and quantity of a single one (FACTS_A 42)."""
    items = subscription["items"]
    items["total_count"] = len(items["data"])
    only = items["data"][0] if len(items["data"]) == 1 else {}
    return subscription | {"plan": only.get("plan"), "quantity": only.get("quantity")}
