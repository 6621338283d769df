"""Holds of drafts and their ends: appended and never changed, the newest of a draft counts. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, insert

from stripe_sync.domain.model.hold_causes import Cause
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.tables.usage import usage_hold


@dataclass(frozen=True)
class Hold:
    """A hold, or (``held`` False) its end. ``original`` is when the draft would be finalized without it.

    ``is_stop`` says that ``auto_advance`` was switched off, else the time was moved to ``until``. ``person`` is empty where
    the pipeline did it; ``causes`` are what such a hold waits for.
    """

    invoice: str
    held: bool
    original: datetime | None
    until: datetime | None
    reason: str
    person: str = ""
    causes: frozenset[Cause] = frozenset()
    is_stop: bool = False

    def is_live(self) -> bool:
        """Return whether the pipeline holds the draft, and no person."""
        return self.held and not self.person

    def is_own_stop(self) -> bool:
        """Return whether the pipeline has stopped the draft, which is its own to undo."""
        return self.is_live() and self.is_stop

    def is_persons(self) -> bool:
        """Return whether a person holds the draft."""
        return self.held and bool(self.person)

    def is_let_go(self) -> bool:
        """Return whether a person released the draft: it goes out as it is."""
        return not self.held and bool(self.person)


def add(connection: Connection, environment: str, hold: Hold, *, at: datetime, run_id: str = "") -> None:
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


def holds(connection: Connection, environment: str) -> dict[str, Hold]:
    """Return the newest hold, or its end, of each draft, by invoice."""
    rows = run_sql(connection, "usage/newest_holds", environment=environment)
    return {row["invoice"]: as_hold(row) for row in rows}


def as_hold(row: dict[str, Any]) -> Hold:
    """Return a row as a hold."""
    return Hold(**row | {"causes": frozenset(row["causes"])})


def live(connection: Connection, environment: str) -> dict[str, Hold]:
    """Return the holds of the pipeline that stand, by invoice."""
    return {id: hold for id, hold in holds(connection, environment).items() if hold.is_live()}


def own_stops(connection: Connection, environment: str) -> frozenset[str]:
    """Return the ids of the drafts that the pipeline has stopped and not switched on again."""
    return frozenset(id for id, hold in holds(connection, environment).items() if hold.is_own_stop())
