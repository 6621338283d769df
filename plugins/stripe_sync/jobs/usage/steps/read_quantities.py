"""What was used: each window that is not billed yet is read in Stigg, in the order of deadlines, within Stigg's limit."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy import Connection

from stripe_sync.core.errors import RowFailed, Transient, UnknownShape
from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.assignment import assign
from stripe_sync.domain.usage.ledger import Balance, Movement, UsageState
from stripe_sync.domain.usage.quantities import Point, checked, points_of, quantity
from stripe_sync.domain.usage.windows import Measured, Window
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.usage import movements, usage_invoices, usage_windows

BACK = timedelta(days=35)  # how far before a window the running value at its start is looked for
FAR = timedelta(days=3650)


@dataclass(frozen=True)
class Reading:
    """What Stigg said of a window, or why it could not."""

    window: Window
    quantity: Decimal | None = None
    detail: str = ""


@step
def usage_count(session: Session, run: Run) -> Result:
    """Reads the quantities that are due and appends what changed to the ledger."""
    name = session.environment.name
    due = runs.result(session.engine, name, run.id, "usage_due") or {}
    if not due.get("due") and not due.get("windows"):
        return {"read": 0, "unread": 0, "failed": []}
    blocked = {p["stripe_subscription"] for p in due.get("problems", ())}
    with session.engine.connect() as connection:
        open_windows = usage_windows.in_states(connection, name, (UsageState.REPORTED, *ledger.BILLABLE))
        seen = usage_invoices.may_bill(connection, name, open_windows)
    chosen = in_order(session, run, [w for w in open_windows if w.subscription not in blocked], seen)
    fit = session.environment.usage_reads_per_minute * session.environment.usage_interval_minutes
    readings = read_all(session, chosen[:fit])
    with session.engine.begin() as connection:
        for reading in readings:
            if reading.quantity is not None:
                record(connection, run, reading.window, reading.quantity)
    failed = [f"{r.window.measured.subscription}: {r.detail}" for r in readings if r.quantity is None]
    return {"read": len(readings) - len(failed), "unread": max(0, len(chosen) - fit), "failed": failed}


def in_order(session: Session, run: Run, windows: list[Window], seen: list[Invoice]) -> list[Window]:
    """The windows to read, those first whose draft is finalized first.

    What was never read is; what waits for its draft, once that is there; what is proven, once more before finalization.
    """
    assigned = assign(windows, seen)
    soon = 2 * timedelta(minutes=session.environment.usage_interval_minutes)
    found: list[tuple[datetime, Window]] = []
    for window in windows:
        invoice = assigned.get(window.id)
        deadline = invoice.finalizes_at if invoice and invoice.finalizes_at else run.now + FAR
        last_chance = deadline - soon <= run.now and (window.read_at is None or window.read_at < deadline - soon)
        draft = invoice is not None and invoice.status == "draft"
        if window.read_at is None or (window.state is not UsageState.VERIFIED and draft) or (draft and last_chance):
            found.append((deadline, window))
    return [window for _, window in sorted(found, key=lambda pair: (pair[0], pair[1].end, pair[1].id))]


def read_all(session: Session, windows: list[Window]) -> list[Reading]:
    """The readings of windows, side by side; after Stigg does not answer, no further one is asked for."""
    readings: list[Reading] = []
    lost: list[str] = []

    def read(window: Window) -> Reading:
        if lost:
            return Reading(window, detail=lost[0])
        try:
            return Reading(window, counted(session, window))
        except RowFailed as failure:
            return Reading(window, detail=failure.detail)
        except UnknownShape as failure:  # of this customer; the others are read
            return Reading(window, detail=str(failure))
        except Transient as failure:
            lost.append(str(failure))
            return Reading(window, detail=str(failure))

    with ThreadPoolExecutor(max_workers=session.environment.workers, thread_name_prefix="usage") as pool:
        readings += pool.map(read, windows)
    return readings


def counted(session: Session, window: Window) -> Decimal:
    """The quantity of a window. The running value at its start is looked for further back where it is not shown."""
    measured, terms = window.measured, window.terms
    points = points_between(session, measured, window.start - BACK, window.end)
    inside = [p for p in points if p.at >= window.start]
    if inside and len(inside) == len(points) and not inside[0].reset:
        points = points_between(session, measured, window.start - 12 * BACK, window.end)
    after = session.environment.reset_point == "after"
    found = quantity(points, window.start, window.end, terms.aggregation, reset_is_after=after)
    return checked(found, f"{measured.feature} of {measured.subscription}")


def points_between(session: Session, measured: Measured, start: datetime, end: datetime) -> list[Point]:
    rows = session.stigg.usage(measured.customer, measured.feature, resource=measured.resource, start=start, end=end)
    return points_of(rows)


def record(connection: Connection, run: Run, window: Window, quantity: Decimal) -> None:
    """Appends a reading, and what it adds to what was read before, with what that costs; two runs at once count once."""
    window = usage_windows.locked(connection, window.id)
    movements.add_reading(connection, window.id, quantity, at=run.now, run_id=run.id)
    terms = window.terms
    before = window.quantity if window.state is not UsageState.REPORTED else None
    if before is not None and before == quantity:
        return
    amount = Decimal(terms.amount(quantity) - (terms.amount(before) if before is not None else 0))
    movement = Movement(
        window=window.id,
        source=UsageState.REPORTED,
        target=UsageState.PENDING,
        balance=Balance(quantity - (before or Decimal(0)), amount),
        invoice=window.invoice,
    )
    movements.move(connection, movement, at=run.now, run_id=run.id)
