"""Billing periods: half-open windows [start, end) in UTC from an anchor and a billing interval.

Days are clamped to short months (31 January, 28 February, 31 March), because each boundary is calculated from the anchor.
"""

from __future__ import annotations

import calendar
from datetime import datetime

MONTHS = {"MONTHLY": 1, "ANNUALLY": 12}
INTERVALS = {"MONTHLY": "month", "ANNUALLY": "year"}
LOOKBACK = 8  # earlier periods that contain an interval's longest month: leap years are at most eight years apart


def add_months(anchor: datetime, months: int) -> datetime:
    """Return the anchor plus a number of months; its day is clamped to the target month."""
    year, month = divmod_month(anchor, months)
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day)


def next_boundary(anchor: datetime, interval: str, after: datetime) -> datetime:
    """Return the first period boundary after a time; ``interval`` is MONTHLY or ANNUALLY."""
    step = MONTHS[interval]
    count = max(0, (after.year - anchor.year) * 12 + after.month - anchor.month) // step
    while add_months(anchor, count * step) <= after:
        count += 1
    return add_months(anchor, count * step)


def boundary_before(anchor: datetime, interval: str, time: datetime) -> datetime:
    """Return the last period boundary before a time, which may be earlier than the anchor."""
    step = MONTHS[interval]
    count = ((time.year - anchor.year) * 12 + time.month - anchor.month) // step + 1
    while add_months(anchor, count * step) >= time:
        count -= 1
    return add_months(anchor, count * step)


def day_to_keep(anchor: datetime, boundary: datetime) -> int | None:
    """Return the anchor's day of the month if a short month clamped the boundary's day, else None."""
    is_last = boundary.day == calendar.monthrange(boundary.year, boundary.month)[1]
    return anchor.day if is_last and boundary.day < anchor.day else None


def anchor_with(time: datetime, day: int | None, interval: str = "MONTHLY") -> datetime:
    """Return the latest anchor at or before a time with the given day of the month, at the same time of the day.

    A monthly renewal on 28 February that keeps day 31 counts from 31 January; a yearly one counts from the last
    29 February, because no February has more days.
    """
    if day is None or time.day >= day:
        return time
    months = [divmod_month(time, -back * MONTHS[interval]) for back in range(1, LOOKBACK + 1)]
    kept = min(day, max(calendar.monthrange(*month)[1] for month in months))
    year, month = next(month for month in months if calendar.monthrange(*month)[1] >= kept)
    return time.replace(year=year, month=month, day=kept)


def divmod_month(time: datetime, months: int) -> tuple[int, int]:
    """Return the year and the month (1 to 12) a number of months after a time."""
    year, month = divmod(time.year * 12 + time.month - 1 + months, 12)
    return year, month + 1
