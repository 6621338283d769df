"""Estimated monthly reads of an environment's schedules, for Stripe's read allocation (DESIGN 6).

A run without changes reads the events once; the account is checked hourly; everything is read once in
``full_sync_interval_hours``. Each change costs a further read, which its transaction allows: 500 reads per transaction.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil

from croniter import croniter

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.model.kinds import Side
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.snapshots.snapshots import newest_counts
from stripe_sync.warehouse.usage.usage_windows import subscriptions_with_usage

MONTH = timedelta(days=30)
LISTS = {"price": 2, "invoice": 2}  # prices are listed by active and inactive, invoices by draft and open
PAGE = 100
PRESETS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}


@cache
def runs_per_month(schedule: str | None) -> int:
    """Return the number of runs of a cron schedule in 30 days. Raises ConfigurationError for an invalid one."""
    if not schedule:
        return 0
    expression = PRESETS.get(schedule, schedule)
    if not croniter.is_valid(expression):
        raise ConfigurationError(f"Invalid schedule: {schedule}. Use a cron expression, such as 0 * * * *.")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    fires, count = croniter(expression, start), 0
    while fires.get_next(datetime) <= start + MONTH:
        count += 1
    return count


def full_read(session: Session) -> int:
    """Return the pages of a full read, from the counts of the newest snapshot; one page per list before the first."""
    with connect_to_read(session.engine) as connection:
        counts = newest_counts(connection, session.environment.name, Side.STRIPE)
    known = counts or dict.fromkeys(("product", "price", "coupon", "customer", "subscription", "invoice"), 0)
    return sum(max(LISTS.get(kind, 1), ceil(n / PAGE)) for kind, n in known.items())


def estimated_monthly_reads(session: Session) -> int:
    """Return the reads of a month without changes."""
    environment = session.environment
    runs, full_pages, usage_reads = runs_per_month(environment.schedule), full_read(session), month_ends(session)
    if not environment.reads_events():
        return runs * (full_pages + 1) + usage_reads
    full_reads = min(runs, ceil(MONTH / timedelta(hours=environment.full_sync_interval_hours)))
    checks = min(runs, ceil(MONTH / timedelta(hours=1)))
    return runs + checks + full_reads * full_pages + usage_reads


def month_ends(session: Session) -> int:
    """Return the reads of the usage job in a month.

    Each draft is read before it is written and after its finalization. A run with something due reads the list of drafts
    and the account; these are at most six runs in the hour of a month end.
    """
    with connect_to_read(session.engine) as connection:
        count = subscriptions_with_usage(connection, session.environment.name)
    runs = runs_per_month(session.environment.usage.schedule)
    return 2 * count + 2 * min(runs, 6 * count)
