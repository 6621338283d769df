"""What the items of a subscription cost for a period or a part of one."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.billing import amounts, periods
from sandbox.billing.lines import pending_lines, subscription_line
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj, World


def period_share(item: Obj, start: int, end: int) -> Decimal:
    """The part of the virtual interval from ``start`` on that [start, end) is; exactly 1 for a whole one."""
    virtual_end = periods.shift(start, item["price"]["recurring"], 1)
    return Decimal(end - start) / Decimal(virtual_end - start)


def first_lines(world: World, subscription: Obj) -> list[Obj]:
    """The lines of the first invoice: each licensed item for its first period."""
    found = []
    for item in subscription["items"]["data"]:
        if item["price"]["recurring"]["usage_type"] != "licensed":
            continue
        start, end = item["current_period_start"], item["current_period_end"]
        share = period_share(item, start, end)
        total = amounts.amount(item["price"], item["quantity"], share)
        text = f"{item['quantity']} × {item['price']['id']}"
        found.append(subscription_line(world, item, amount=total, period=(start, end), proration=share != 1, text=text))
    return found


def proration_lines(world: World, before: Obj, after: Obj, moment: int) -> list[Obj]:
    """Credit for the unused time of each changed item's old state, charge for the same time of its new state."""
    old = {item["id"]: item for item in before["items"]["data"]}
    new = {item["id"]: item for item in after["items"]["data"]}
    found = []
    for id in [*old, *(i for i in new if i not in old)]:
        was, now = old.get(id), new.get(id)
        if was and now and priced(was) == priced(now):
            continue
        for item, sign, text in ((was, -1, "Unused time on"), (now, 1, "Remaining time on")):
            if item is None or item["price"]["recurring"]["usage_type"] != "licensed":
                continue
            start, end = item["current_period_start"], item["current_period_end"]
            if not start <= moment <= end:
                raise invalid(
                    "Cannot specify proration date outside of current subscription period", param="proration_date"
                )
            share = period_share(item, start, end) * Decimal(end - moment) / Decimal(end - start)
            total = sign * amounts.amount(item["price"], item["quantity"], share)
            found.append(
                subscription_line(world, item, amount=total, period=(moment, end), proration=True, text=f"{text} {id}")
            )
    return found


def priced(item: Obj) -> tuple[str, Any]:
    return item["price"]["id"], item.get("quantity")


def cycle_lines(world: World, subscription: Obj, items: list[Obj]) -> list[Obj]:
    """The lines of a renewal: its licensed items for the period that begins, then what was pending."""
    found = []
    for item in items:
        if item["price"]["recurring"]["usage_type"] == "licensed":
            period = (item["current_period_start"], item["current_period_end"])
            total = amounts.amount(item["price"], item["quantity"])
            text = f"{item['quantity']} × {item['price']['id']}"
            found.append(subscription_line(world, item, amount=total, period=period, proration=False, text=text))
    return found + pending_lines(world, subscription)
