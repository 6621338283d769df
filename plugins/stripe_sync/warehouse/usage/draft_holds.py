"""Holds of drafts and their ends: appended and never changed, the newest of a draft counts. Times are UTC."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.tables.usage import usage_hold


def add(connection: Connection, environment: str, hold: DraftHold, *, at: datetime, run_id: str = "") -> None:
    """Record a hold, a change of its causes, or its end."""
    connection.execute(
        insert(usage_hold).values(
            environment=environment,
            invoice=hold.invoice,
            held=hold.held,
            original=hold.original,
            until=hold.until,
            reason=hold.reason,
            person=hold.person,
            causes=sorted(hold.causes),
            is_stop=hold.is_stop,
            run_id=run_id,
            at=at,
        )
    )


def holds(connection: Connection, environment: str) -> dict[str, DraftHold]:
    """Return the newest hold, or its end, of each draft, by invoice."""
    rows = run_sql(connection, "usage/newest_holds", environment=environment)
    return {row["invoice"]: as_hold(row) for row in rows}


def as_hold(row: dict[str, Any]) -> DraftHold:
    """Return a row as a hold."""
    return DraftHold(**row | {"causes": frozenset(row["causes"])})


def live(connection: Connection, environment: str) -> dict[str, DraftHold]:
    """Return the holds of the pipeline that stand, by invoice."""
    return {id: hold for id, hold in holds(connection, environment).items() if hold.is_live()}


def own_stops(connection: Connection, environment: str) -> frozenset[str]:
    """Return the ids of the drafts that the pipeline has stopped and not switched on again."""
    return frozenset(id for id, hold in holds(connection, environment).items() if hold.is_own_stop())
