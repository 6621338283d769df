"""Billing periods: half-open windows [start, end) in UTC that an anchor and a rhythm make.

Months clamp at their end and come back (31 January, 28 February, 31 March), because each bound is reckoned from the anchor.
"""

from __future__ import annotations

import calendar
from datetime import datetime

MONTHS = {"MONTHLY": 1, "ANNUALLY": 12}
INTERVALS = {"MONTHLY": "month", "ANNUALLY": "year"}
BACK = 8  # earlier periods within which the longest month of a rhythm comes: leap years lie at most eight years apart


def add_months(anchor: datetime, months: int) -> datetime:
    """The anchor moved by whole months; its day is clamped to the month it lands in."""
    year, month = divmod_month(anchor, months)
    day = min(anchor.day, calendar.monthrange(year, month)[1])
    return anchor.replace(year=year, month=month, day=day)


def next_bound(anchor: datetime, rhythm: str, after: datetime) -> datetime:
    """The first bound of the anchor's periods that lies after a moment."""
    step = MONTHS[rhythm]
    count = max(0, (after.year - anchor.year) * 12 + after.month - anchor.month) // step
    while add_months(anchor, count * step) <= after:
        count += 1
    return add_months(anchor, count * step)


def bound_before(anchor: datetime, rhythm: str, moment: datetime) -> datetime:
    """The last bound of the anchor's periods that lies before a moment; an anchor may lie after it."""
    step = MONTHS[rhythm]
    count = ((moment.year - anchor.year) * 12 + moment.month - anchor.month) // step + 1
    while add_months(anchor, count * step) >= moment:
        count -= 1
    return add_months(anchor, count * step)


def day_to_keep(anchor: datetime, bound: datetime) -> int | None:
    """Return the anchor's day of the month where a bound lost it to a short month; None where the bound has it."""
    is_last = bound.day == calendar.monthrange(bound.year, bound.month)[1]
    return anchor.day if is_last and bound.day < anchor.day else None


def anchor_with(moment: datetime, day: int | None, rhythm: str = "MONTHLY") -> datetime:
    """Return the latest anchor of a rhythm at or before a moment that has a day of the month, at the same time of the day.

    A monthly renewal on 28 February that keeps day 31 counts from 31 January; a yearly one counts from the last
    29 February, because no February has more days.
    """
    if day is None or moment.day >= day:
        return moment
    months = [divmod_month(moment, -back * MONTHS[rhythm]) for back in range(1, BACK + 1)]
    kept = min(day, max(calendar.monthrange(*month)[1] for month in months))
    year, month = next(month for month in months if calendar.monthrange(*month)[1] >= kept)
    return moment.replace(year=year, month=month, day=kept)


def divmod_month(moment: datetime, months: int) -> tuple[int, int]:
    """Return the year and the month (1 to 12) that lie some months from a moment's."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + months, 12)
    return year, month + 1
