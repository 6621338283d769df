"""Usage as Stigg reports it: the running value of one customer's feature between its resets, never a total.

A row of the world is one report, ``{"customerId", "featureId", "resourceId", "timestamp", "value"}``, whose value is added;
``"set": true`` makes it the running value, and ``"reset": true`` (without a value) begins it again: at a new period, or
with ``"change": true`` at a change of plan (SB 18.5).
"""

from __future__ import annotations

import uuid
from decimal import Decimal
from typing import Any

from sandbox.world.refusal import NotModelled, StiggRefusal
from sandbox.world.state import Obj, World, iso, parse_time


def history(world: World, given: Obj) -> Obj:
    """Return the points of [startDate, endDate); without a resource, those of all resources of the customer."""
    if given.get("groupBy") or given.get("paging"):
        raise NotModelled("usageHistoryV2: groupBy, paging")
    if not any(c["customerId"] == given["customerId"] for c in world.stigg["customers"]):
        raise StiggRefusal(f"Customer not found: {given['customerId']}", code="CustomerNotFound")
    if not any(f["refId"] == given["featureId"] for f in world.stigg["features"]):
        raise StiggRefusal(f"Feature not found: {given['featureId']}", code="FeatureNotFound")
    start = parse_time(given["startDate"])
    end = parse_time(given["endDate"]) if given.get("endDate") else world.now
    inside = [p for p in running(world, given) if start <= parse_time(p["timestamp"]) < end]
    points = [p for p in inside if visible(world, given, parse_time(p["timestamp"]))]
    markers = [{"type": p["marker"], "timestamp": p["timestamp"]} for p in points if p["isResetPoint"]]
    return {"markers": markers, "series": [{"tags": [], "points": points}] if points else [], "pageInfo": None}


def visible(world: World, given: Obj, at: int) -> bool:
    """Return whether a usage point is shown; those of ended subscriptions only on request (SB 18.4).

    A point is of the living subscriptions that had begun by then.
    """
    if given.get("includeInactiveSubscriptions"):
        return True
    resource = given.get("resourceId")
    return any(
        row["status"] in ("ACTIVE", "IN_TRIAL")
        and row["customer"]["customerId"] == given["customerId"]
        and resource in (None, (row.get("resource") or {}).get("resourceId"))
        and parse_time(row["startDate"]) <= at
        for row in world.stigg["subscriptions"]
    )


def running(world: World, given: Obj) -> list[Obj]:
    """Return the running value after each report, up to the world's moment."""
    points: list[Obj] = []
    value = Decimal(0)
    for row in sorted(world.stigg["usage"], key=lambda row: parse_time(row["timestamp"])):
        if not matches(row, given) or parse_time(row["timestamp"]) > world.now:
            continue
        if row.get("reset"):
            last, value = value, Decimal(0)
            shown = value if world.unknowns["reset_point_is_after"] else last
            points.append(point(row, shown, reset=True))
            continue
        value = Decimal(str(row["value"])) + (Decimal(0) if row.get("set") else value)
        points.append(point(row, value, reset=False))
    return points


def matches(row: Obj, given: Obj) -> bool:
    resource = given.get("resourceId")
    right = row["customerId"] == given["customerId"] and row["featureId"] == given["featureId"]
    return right and (resource is None or row.get("resourceId") == resource)


def point(row: Obj, value: Decimal, *, reset: bool) -> Obj:
    shown: Any = float(value)
    marker = "SUBSCRIPTION_CHANGE_RESET" if row.get("change") else "PERIODIC_RESET"
    return {"timestamp": iso(parse_time(row["timestamp"])), "value": shown, "isResetPoint": reset, "marker": marker}


def report(world: World, given: Obj) -> Obj:
    """Take a report of usage: added to the running value, or set (SB 18.6)."""
    if not any(c["customerId"] == given["customerId"] for c in world.stigg["customers"]):
        raise StiggRefusal(f"Customer not found: {given['customerId']}", code="CustomerNotFound")
    if not any(f["refId"] == given["featureId"] for f in world.stigg["features"]):
        raise StiggRefusal(f"Feature not found: {given['featureId']}", code="FeatureNotFound")
    for name in set(given) - {"customerId", "featureId", "resourceId", "value", "createdAt", "updateBehavior"}:
        raise NotModelled(f"reportUsage: {name}")
    moment = given.get("createdAt") or iso(world.now)
    row = {name: given.get(name) for name in ("customerId", "featureId", "resourceId", "value")} | {"timestamp": moment}
    world.stigg["usage"].append(row | ({"set": True} if given.get("updateBehavior") == "SET" else {}))
    id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"usage/{len(world.stigg['usage'])}"))
    return row | {"id": id, "createdAt": moment, "environmentId": world.environment["id"]}
