"""How many reads a month the schedules of an environment cost, against Stripe's read allocation (DESIGN 6).

A quiet run reads the events once; the account is checked hourly; everything is read once in ``full_sync_interval_hours``. What
changes costs a read each besides, which writes pay for: the allocation is 500 reads a transaction, with a floor.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from math import ceil

from croniter import croniter

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.model.kinds import Side
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.warehouse.snapshots.snapshots import newest_counts
from stripe_sync.warehouse.usage.usage_windows import subscriptions_with_usage

MONTH = timedelta(days=30)
LISTS = {"price": 2, "invoice": 2}  # active prices and others, drafts and open invoices are two lists each
PAGE = 100
PRESETS = {"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@weekly": "0 0 * * 0", "@monthly": "0 0 1 * *"}


@cache
def runs_a_month(schedule: str | None) -> int:
    """How often a cron schedule fires in 30 days. Raises ConfigurationError for one that is none."""
    if not schedule:
        return 0
    expression = PRESETS.get(schedule, schedule)
    if not croniter.is_valid(expression):
        raise ConfigurationError(f"The schedule {schedule} is no cron expression, so its reads cannot be reckoned.")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    fires, count = croniter(expression, start), 0
    while fires.get_next(datetime) <= start + MONTH:
        count += 1
    return count


def full_read(session: Session) -> int:
    """The pages of everything, by the counts of the last snapshot; one a list before there is any."""
    with session.engine.connect() as connection:
        counts = newest_counts(connection, session.environment.name, Side.STRIPE)
    known = counts or dict.fromkeys(("product", "price", "coupon", "customer", "subscription", "invoice"), 0)
    return sum(max(LISTS.get(kind, 1), ceil(n / PAGE)) for kind, n in known.items())


def a_month(session: Session) -> int:
    """The reads of a month in which nothing changes."""
    environment = session.environment
    runs, whole, used = runs_a_month(environment.schedule), full_read(session), month_ends(session)
    if not environment.reads_events():
        return runs * (whole + 1) + used
    full_reads = min(runs, ceil(MONTH / timedelta(hours=environment.full_sync_interval_hours)))
    checks = min(runs, ceil(MONTH / timedelta(hours=1)))
    return runs + checks + full_reads * whole + used


def month_ends(session: Session) -> int:
    """The reads of the usage job: each draft by its id before it is written and once it is finalized, and the list of drafts
    and the account in every run that has something due, which is six an hour of a month end at most."""
    with session.engine.connect() as connection:
        count = subscriptions_with_usage(connection, session.environment.name)
    runs = runs_a_month(session.environment.usage.schedule)
    return 2 * count + 2 * min(runs, 6 * count)
