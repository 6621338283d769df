"""Billing periods: an anchor and an interval; months clamp at their end and come back (31, 28, 31)."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from sandbox.world.state import Obj

SECONDS = {"day": 86_400, "week": 604_800}


def shift(anchor: int, recurring: Obj, count: int) -> int:
    """The anchor moved by ``count`` intervals; always reckoned from the anchor itself, so that clamping is undone."""
    interval, each = recurring["interval"], recurring.get("interval_count") or 1
    if interval in SECONDS:
        return anchor + SECONDS[interval] * each * count
    months = each * count * (12 if interval == "year" else 1)
    start = datetime.fromtimestamp(anchor, UTC)
    index = start.year * 12 + start.month - 1 + months
    year, month = divmod(index, 12)
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return int(start.replace(year=year, month=month + 1, day=day).timestamp())


def period_at(anchor: int, recurring: Obj, moment: int) -> tuple[int, int]:
    """The half-open period [start, end) of this anchor that holds a moment."""
    count = 0
    while shift(anchor, recurring, count + 1) <= moment:
        count += 1
    while shift(anchor, recurring, count) > moment:
        count -= 1
    return shift(anchor, recurring, count), shift(anchor, recurring, count + 1)
