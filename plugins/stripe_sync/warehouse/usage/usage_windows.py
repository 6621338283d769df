"""Terms revisions of charges and usage windows: appended, and never changed.

A window's quantity in each state is the sum of its movements, so nothing can be lost between states (invariant 10).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.core.decoding import typed
from stripe_sync.domain.usage.ledger import BILLABLE, Balance, UsageState
from stripe_sync.domain.usage.quantities import billable
from stripe_sync.domain.usage.terms import Terms
from stripe_sync.domain.usage.windows import Measured, TermsRevision, Timeline, Window
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.tables.columns import is_among
from stripe_sync.warehouse.tables.usage import usage_terms, usage_window, usage_windows

now = usage_windows.c


def terms_revisions(connection: Connection, environment: str) -> dict[Timeline, list[TermsRevision]]:
    """Return the terms revisions of every charge by time, with the one that closed it."""
    of = usage_terms.c
    rows = connection.execute(select(usage_terms).where(of.environment == environment).order_by(of.since))
    found: dict[Timeline, list[TermsRevision]] = defaultdict(list)
    for row in rows:
        terms = typed(row.terms, Terms) if row.terms is not None else None
        revision = TermsRevision(row.id, row.since, terms, Measured(**row.measured), row.why)
        found[row.subscription, row.charge].append(revision)
    return found


def open_charge(
    connection: Connection,
    environment: str,
    timeline: Timeline,
    *,
    since: datetime,
    terms: Terms | None,
    measured: Measured,
    run_id: str,
    why: str = "",
) -> None:
    """Open a charge, change its terms, or close it (no terms). A second revision at the same time is not stored."""
    row = insert(usage_terms).values(
        environment=environment,
        subscription=timeline[0],
        charge=timeline[1],
        since=since,
        terms=msgspec.to_builtins(terms) if terms is not None else None,
        measured=asdict(measured),
        why=why,
        run_id=run_id,
    )
    connection.execute(row.on_conflict_do_nothing())


def subscriptions_with_usage(connection: Connection, environment: str) -> int:
    """Count the subscriptions of which a charge for usage was ever open."""
    of = usage_terms.c
    query = select(func.count(of.subscription.distinct())).where(of.environment == environment)
    return connection.execute(query).scalar_one()


def covered_until(connection: Connection, environment: str) -> dict[Timeline, datetime]:
    """Return where the stored windows of each charge end."""
    rows = run_sql(connection, "usage/covered_until", environment=environment)
    return {(row["subscription"], row["charge"]): row["until"] for row in rows}


def add_window(
    connection: Connection,
    environment: str,
    timeline: Timeline,
    *,
    revision: int,
    start: datetime,
    end: datetime,
    run_id: str,
) -> None:
    """Store a window; one that is there already is not stored again."""
    row = insert(usage_window).values(
        environment=environment,
        subscription=timeline[0],
        charge=timeline[1],
        terms_id=revision,
        start_at=start,
        end_at=end,
        run_id=run_id,
    )
    connection.execute(row.on_conflict_do_nothing())


def in_states(connection: Connection, environment: str, states: Iterable[UsageState]) -> list[Window]:
    """Return the windows in some states, oldest first."""
    chosen = list(states)
    is_in = is_among(func.coalesce(now.state, ""), [state.value for state in chosen])
    quick = () if UsageState.BILLED in chosen else (~now.settled,)
    return _select(connection, environment, *quick, is_in)


def by_id(connection: Connection, environment: str, id: int) -> Window | None:
    """Return one window by its number."""
    return next(iter(_select(connection, environment, now.id == id)), None)


def of_invoice(connection: Connection, environment: str, invoice: str) -> list[Window]:
    """Return the windows whose newest movement names an invoice."""
    return _select(connection, environment, now.invoice == invoice)


def was_used_before(connection: Connection, environment: str, window: Window) -> bool:
    """Return whether an earlier window of a charge has a quantity that is not 0."""
    of_charge = (now.subscription == window.subscription, now.charge == window.charge)
    earlier = _select(connection, environment, *of_charge, now.end_at <= window.start, now.quantity != 0)
    return bool(earlier)


def largest_billed(connection: Connection, environment: str, window: Window) -> int:
    """Return the amount of the largest billed window of a window's charge, minor units; 0 where none was billed."""
    of_charge = (now.subscription == window.subscription, now.charge == window.charge)
    billed = _select(connection, environment, *of_charge, now.state == UsageState.BILLED.value)
    return max((w.terms.amount(w.quantity) for w in billed if w.quantity is not None), default=0)


def _select(connection: Connection, environment: str, *conditions: ColumnElement[bool]) -> list[Window]:
    query = select(usage_windows).where(now.environment == environment, *conditions)
    rows = connection.execute(query.order_by(now.end_at, now.subscription, now.charge))
    return [_window(row) for row in rows]


def _window(row: Row[Any]) -> Window:
    return Window(
        id=row.id,
        subscription=row.subscription,
        charge=row.charge,
        start=row.start_at,
        end=row.end_at,
        terms=typed(row.terms, Terms),
        measured=Measured(**row.measured),
        quantity=billable(row.quantity) if row.quantity is not None else None,
        read_at=row.read_at,
        state=UsageState(row.state or ""),
        invoice=row.invoice,
        reason=row.reason or "",
        balances={UsageState(s): Balance(Decimal(q), Decimal(a)) for s, (q, a) in row.balances.items()},
    )


def locked(connection: Connection, id: int) -> Window:
    """Return one window as it is now, and lock it until this transaction ends."""
    row = select(usage_window.c.environment).where(usage_window.c.id == id).with_for_update()
    found = by_id(connection, connection.execute(row).scalar_one(), id)
    assert found is not None
    return found


def counts(connection: Connection, environment: str, *, since: datetime) -> dict[str, int]:
    """Count the windows that ended since a moment, by state; those that were never read are 'due'."""
    rows = run_sql(connection, "usage/counts", environment=environment, since=since)
    return {row["state"]: row["n"] for row in rows}


def finished_items(connection: Connection, environment: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the Stripe items of usage of which nothing is left to be billed: (those that count no more and are proven, those of
    which everything that was closed is on a finalized invoice, so that their price may change (BILLING 7)).
    """
    covered, timelines = covered_until(connection, environment), terms_revisions(connection, environment)
    open_windows = in_states(connection, environment, (UsageState.REPORTED, *BILLABLE))
    waiting = {w.measured.item for w in open_windows}
    unfinished = {w.measured.item for w in open_windows if w.state is not UsageState.VERIFIED}
    free: dict[str, bool] = {}
    for timeline, rows in timelines.items():
        for item in {row.measured.item for row in rows}:
            later = next((r for r in reversed(rows) if r.terms is not None and r.measured.item == item), rows[0])
            after = [r.since for r in rows if r.since > later.since]
            over = bool(after) and covered.get(timeline, rows[0].since) >= min(after)
            free[item] = free.get(item, True) and over and item not in unfinished
    return frozenset(item for item, is_free in free.items() if is_free), frozenset(free.keys() - waiting)
