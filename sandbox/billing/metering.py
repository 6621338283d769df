"""Usage by meters: totals of meters by customer, and the lines of metered items.

An event counts some time after it was received (``limits.meter_delay`` seconds), for the period that its timestamp is in,
and on an invoice only while that is a draft. A meter counts per customer: every item of a customer that is priced by it
bills the whole of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from sandbox.billing import invoices, prorations
from sandbox.billing.amounts import round_item, unit
from sandbox.billing.lines import subscription_line
from sandbox.world.state import Obj, World

DELAY = 60


def counted_at(world: World, event: Obj) -> int:
    """Return the time from which an event is in summaries and on drafts, Unix seconds."""
    return int(event["created"] + world.limits.get("meter_delay", DELAY))


def total(world: World, meter: Obj, customer: str, start: int, end: int) -> Decimal:
    """Return the total that a meter has counted for a customer in [start, end)."""
    events = [
        e for e in world.stripe["meter_events"].values()
        if e["event_name"] == meter["event_name"] and e["customer"] == customer and start <= e["timestamp"] < end
        and counted_at(world, e) <= world.now and e["error"] is None
    ]  # fmt: skip
    values = [Decimal(e["value"]) for e in events]
    if meter["default_aggregation"]["formula"] == "count":
        return Decimal(len(values))
    if meter["default_aggregation"]["formula"] == "last":
        return Decimal(max(events, key=lambda e: (e["timestamp"], e["created"]))["value"]) if events else Decimal(0)
    return sum(values, Decimal(0))


def is_metered(price: Obj) -> bool:
    return (price["recurring"] or {}).get("usage_type") == "metered"


def ended_lines(world: World, customer: str, item: Obj, start: int, end: int) -> list[Obj]:
    """Return the lines of a metered item for a period that has ended; a negative total bills nothing."""
    price = item["price"]
    meter = world.stripe["meters"][price["recurring"]["meter"]]
    quantity = max(Decimal(0), total(world, meter, customer, start, end))
    lines = []
    for count, amount, flat, text in parts(price, quantity):
        cost = round_item(world, amount if flat else count * amount)
        text = f"{text} × {price['id']}"
        row = subscription_line(world, item, amount=cost, period=(start, end), proration=False, text=text)
        row |= {"quantity": int(count), "quantity_decimal": f"{count.normalize():f}"}
        row["pricing"] = row["pricing"] | {"unit_amount_decimal": f"{amount:f}"}
        lines.append(row)
    return lines


def parts(price: Obj, quantity: Decimal) -> Iterator[tuple[Decimal, Decimal, bool, str]]:
    """(quantity, amount, whether that is a flat fee, text) of each line: a graduated tier is a line, its flat fee one of quantity 0 (T1)."""
    if price["billing_scheme"] != "tiered":
        count = quantity
        if rule := price.get("transform_quantity"):
            way = ROUND_CEILING if rule["round"] == "up" else ROUND_FLOOR
            count = (quantity / rule["divide_by"]).to_integral_value(way)
        yield count, unit(price, "unit_amount"), False, f"{count:f}"
        return
    below = Decimal(0)
    for number, tier in enumerate(price["tiers"], 1):
        top = tier["up_to"]
        last = top is None or quantity <= top
        if price["tiers_mode"] == "volume" and not last:
            continue
        inside = quantity if price["tiers_mode"] == "volume" or last else Decimal(top)
        inside -= 0 if price["tiers_mode"] == "volume" else below
        yield inside, unit(tier, "unit_amount"), False, f"{inside:f} (tier {number})"
        if unit(tier, "flat_amount"):
            yield Decimal(0), unit(tier, "flat_amount"), True, f"tier {number}"
        if last:
            return
        below = Decimal(top)


def counted_from(item: Obj) -> int:
    """Return from when a metered item bills: its period's start, or when it was added or got its price since (SB 4.13)."""
    return max(int(item["current_period_start"]), int(item.get("counts_from", 0)))


def backdated_lines(world: World, subscription: Obj) -> list[Obj]:
    """Return lines for usage in the periods that were over before a backdated subscription was made (SB 4.13)."""
    found: list[Obj] = []
    for item in subscription["items"]["data"]:
        over = [p for p in prorations.elapsed(subscription, item) if p[1] <= item["current_period_start"]]
        for start, end in over if is_metered(item["price"]) else []:
            lines = ended_lines(world, subscription["customer"], item, start, end)
            found += [line for line in lines if line["amount"]]
    return found


def unbilled_lines(world: World, subscription: Obj) -> list[Obj]:
    """Return lines for the usage of metered items in their running periods, without those of 0."""
    found = []
    for item in subscription["items"]["data"]:
        if is_metered(item["price"]):
            start, end = counted_from(item), min(world.now, item["current_period_end"])
            lines = ended_lines(world, subscription["customer"], item, start, end)
            found += lines if any(line["amount"] for line in lines) else []
    return found


def refresh(world: World) -> None:
    """Update drafts with later usage; items whose price has changed since are left out."""
    for invoice in world.stripe["invoices"].values():
        if invoice["status"] == "draft" and world.unknowns["draft_meter_lines_follow"]:
            recount(world, invoice)


def recount(world: World, invoice: Obj) -> None:
    """Rebuild the metered lines of a renewal's draft from current totals; lines of a reset stay as they are (SB 4.1)."""
    if invoice["billing_reason"] != "subscription_cycle":
        return
    subscription = world.stripe["subscriptions"].get(
        ((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription") or ""
    )
    if subscription is None:
        return
    changed = False
    for item in subscription["items"]["data"]:
        if not is_metered(item["price"]):
            continue
        old = [row for row in invoice["lines"]["data"] if is_of(row, item)]
        if not old:
            continue
        period = old[0]["period"]
        new = ended_lines(world, invoice["customer"], item, period["start"], period["end"])
        if [(r["quantity_decimal"], r["amount"]) for r in old] == [(r["quantity_decimal"], r["amount"]) for r in new]:
            continue
        for fresh, kept in zip(new, old, strict=False):
            fresh["id"] = kept["id"]
        for row in new:
            row |= {"invoice": invoice["id"], "metadata": dict(subscription["metadata"])}
        place = invoice["lines"]["data"].index(old[0])
        others = [row for row in invoice["lines"]["data"] if row not in old]
        invoice["lines"]["data"] = [*others[:place], *new, *others[place:]]
        changed = True
    if changed:
        invoices.add_up(world, invoice)


def is_of(row: Obj, item: Obj) -> bool:
    details = row["parent"]["subscription_item_details"]
    price = ((row["pricing"] or {}).get("price_details") or {}).get("price")
    return bool(details and details["subscription_item"] == item["id"] and price == item["price"]["id"])
