"""Step ``usage_count``: each window that is not billed yet is read in Stigg, in the order of deadlines, within Stigg's limit."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from stripe_sync.core.decoding import typed
from stripe_sync.core.errors import EntityError, Transient, UnknownShape
from stripe_sync.domain.usage.decide import reading
from stripe_sync.domain.usage.decide.reading import UsageReading
from stripe_sync.domain.usage.quantities import Point, StiggPoint, checked, points_of, quantity
from stripe_sync.domain.usage.windows import Measured, Window
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.usage import FoundDue, ReadingCounts, ReadQuantities
from stripe_sync.jobs.runtime.step import result_or, step
from stripe_sync.jobs.usage.ledger_state import waiting_windows
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows

LOOKBACK = timedelta(days=35)  # how far before a window the value at its start is looked for first
FIRST_USAGE = datetime(2000, 1, 1, tzinfo=UTC)  # no usage is older


@step(ReadQuantities)
def usage_count(session: Session, run: Run) -> ReadQuantities:
    """Read the quantities that are due and append what changed to the ledger."""
    due = result_or(session, run, FoundDue())
    if not due.is_any_due and not due.summary.windows:
        return ReadQuantities()
    chosen = find_windows(session, run, due.blocked)
    fit = session.environment.usage.reads_per_minute * session.environment.usage.interval_minutes
    readings = read_all(session, chosen[:fit])
    with session.engine.begin() as connection:
        for one in readings:
            store_reading(connection, run, one)
    failed = reading.failures(readings)
    summary = ReadingCounts(read=len(readings) - len(failed), unread=max(0, len(chosen) - fit))
    return ReadQuantities(failed=failed, summary=summary)


def find_windows(session: Session, run: Run, blocked: set[str]) -> list[Window]:
    """Return the windows to read, in their order; none of subscriptions that cannot be counted (``blocked``)."""
    name = session.environment.name
    with connect_to_read(session.engine) as connection:
        windows = waiting_windows(connection, name)
        invoices = usage_invoices.may_bill(connection, name, windows)
    soon = 2 * timedelta(minutes=session.environment.usage.interval_minutes)
    return reading.windows_to_read(windows, invoices, blocked=blocked, now=run.now, soon=soon)


def read_all(session: Session, windows: list[Window]) -> list[UsageReading]:
    """Return the readings of windows, side by side; after Stigg does not answer, no further one is requested."""
    readings: list[UsageReading] = []
    lost: list[str] = []

    def read(window: Window) -> UsageReading:
        if lost:
            return UsageReading(window, detail=lost[0])
        try:
            return UsageReading(window, counted(session, window))
        except EntityError as failure:
            return UsageReading(window, detail=failure.detail)
        except UnknownShape as failure:  # of this customer; the others are read
            return UsageReading(window, detail=str(failure))
        except Transient as failure:
            lost.append(str(failure))
            return UsageReading(window, detail=str(failure))

    with ThreadPoolExecutor(max_workers=session.environment.workers, thread_name_prefix="usage") as pool:
        readings += pool.map(read, windows)
    return readings


def counted(session: Session, window: Window) -> Decimal:
    """Return the quantity of a window."""
    after = session.environment.usage.reset_semantics == "after"
    points = history_of(session, window, reset_is_after=after)
    found = quantity(points, window.start, window.end, window.terms.aggregation, reset_is_after=after)
    return checked(found, window.terms, f"{window.measured.feature} of {window.measured.subscription}")


def history_of(session: Session, window: Window, *, reset_is_after: bool) -> Sequence[Point]:
    """Return the points of a window and those before it that its quantity depends on, however old."""
    recent = points_between(session, window.measured, window.start - LOOKBACK, window.end)
    if not reading.is_start_unknown(recent, window.start, window.terms.aggregation, reset_is_after=reset_is_after):
        return recent
    points = points_between(session, window.measured, FIRST_USAGE, window.end)
    return reading.checked_history(points, window, was_used_before=was_used_before(session, window))


def was_used_before(session: Session, window: Window) -> bool:
    """Return whether the ledger counted anything in an earlier window of a charge."""
    with connect_to_read(session.engine) as connection:
        return usage_windows.was_used_before(connection, session.environment.name, window)


def points_between(session: Session, measured: Measured, start: datetime, end: datetime) -> list[Point]:
    """Return Stigg's points of a charge in [start, end), in order of time."""
    rows = session.stigg.usage(measured.customer, measured.feature, resource=measured.resource, start=start, end=end)
    return points_of(typed(row, StiggPoint) for row in rows)


def store_reading(connection: Connection, run: Run, one: UsageReading) -> None:
    """Append a reading, and the movement that it makes under a lock on its window: two runs at once count once."""
    if one.quantity is None:
        return
    window = usage_windows.locked(connection, one.window.id)
    movements.add_reading(connection, window.id, one.quantity, at=run.now, run_id=run.id)
    for movement in reading.decide_reading(window, one.quantity):
        movements.move(connection, movement, at=run.now, run_id=run.id)
