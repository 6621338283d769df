"""Billing periods: an anchor and an interval; months clamp at their end and come back (31, 28, 31)."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from sandbox.world.state import Obj

SECONDS = {"day": 86_400, "week": 604_800}


def shift(anchor: int, recurring: Obj, count: int, *, day: int | None = None) -> int:
    """Return the anchor moved by ``count`` intervals, counted from the anchor itself, so that clamping is undone.

    ``day`` is the day of the month that a ``billing_cycle_anchor_config`` asks for, which the anchor may not have.
    """
    interval, each = recurring["interval"], recurring.get("interval_count") or 1
    if interval in SECONDS:
        return anchor + SECONDS[interval] * each * count
    months = each * count * (12 if interval == "year" else 1)
    start = datetime.fromtimestamp(anchor, UTC)
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    day = min(day or start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def period_at(anchor: int, recurring: Obj, moment: int, *, day: int | None = None) -> tuple[int, int]:
    """Return the half-open period [start, end) of this anchor that holds a moment."""
    count = 0
    while shift(anchor, recurring, count + 1, day=day) <= moment:
        count += 1
    while shift(anchor, recurring, count, day=day) > moment:
        count -= 1
    return shift(anchor, recurring, count, day=day), shift(anchor, recurring, count + 1, day=day)
