"""Billing periods: half-open windows [start, end) in UTC that an anchor and a rhythm make.

Months clamp at their end and come back (31 January, 28 February, 31 March), because each bound is reckoned from the anchor.
"""

from __future__ import annotations

import calendar
from datetime import datetime

MONTHS = {"MONTHLY": 1, "ANNUALLY": 12}
INTERVALS = {"MONTHLY": "month", "ANNUALLY": "year"}


def add_months(anchor: datetime, months: int) -> datetime:
    """The anchor moved by whole months; its day is clamped to the month it lands in."""
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + months, 12)
    day = min(anchor.day, calendar.monthrange(year, month + 1)[1])
    return anchor.replace(year=year, month=month + 1, day=day)


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
