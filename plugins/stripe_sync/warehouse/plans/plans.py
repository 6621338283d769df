"""Plans of runs: stored as they were made, read again by run or by hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.core.decoding import typed
from stripe_sync.domain.plan.actions import Plan
from stripe_sync.domain.plan.guards import GuardResult
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables import plans as tables


@dataclass(frozen=True)
class StoredPlan:
    """A plan with its run, its comparison and its guard results."""

    run_id: str
    comparison_id: int
    planned_at: datetime
    plan: Plan
    guard_results: list[GuardResult]
    unplanned: dict[str, str]


def store(
    connection: Connection,
    run_id: str,
    *,
    comparison: int,
    planned_at: datetime,
    plan: Plan,
    guard_results: Sequence[GuardResult],
    unplanned: Mapping[str, str],
) -> None:
    """Store the plan of a run; a second one for the same run is not taken."""
    connection.execute(
        insert(tables.plan)
        .values(
            environment=plan.environment,
            run_id=run_id,
            hash=plan.hash,
            comparison_id=comparison,
            planned_at=planned_at,
            body=plan,
            guard_results=list(guard_results),
            unplanned=dict(unplanned),
        )
        .on_conflict_do_nothing()
    )


def of_run(engine: Engine, environment: str, run_id: str) -> StoredPlan | None:
    """Return the plan of a run."""
    return _newest(engine, tables.plan.c.environment == environment, tables.plan.c.run_id == run_id)


def by_hash(engine: Engine, environment: str, hash: str) -> StoredPlan | None:
    """Return the newest plan of this hash."""
    return _newest(engine, tables.plan.c.environment == environment, tables.plan.c.hash == hash)


def _newest(engine: Engine, *conditions: ColumnElement[bool]) -> StoredPlan | None:
    with connect_to_read(engine) as connection:
        row = connection.execute(
            select(tables.plan).where(*conditions).order_by(tables.plan.c.stored_at.desc()).limit(1)
        ).first()
    if row is None:
        return None
    return StoredPlan(
        run_id=row.run_id,
        comparison_id=row.comparison_id,
        planned_at=row.planned_at,
        plan=typed(row.body, Plan),
        guard_results=typed(row.guard_results, list[GuardResult]),
        unplanned=row.unplanned,
    )
