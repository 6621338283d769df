"""Plans as runs made them: stored whole, read again by run or by hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.core.decoding import typed
from stripe_sync.domain.plan.actions import Plan
from stripe_sync.domain.plan.guards import Verdict
from stripe_sync.warehouse.engine import dumps


@dataclass(frozen=True)
class StoredPlan:
    """A plan with the run that made it, the comparison it came from, and the guards' verdicts."""

    run_id: str
    comparison_id: int
    planned_at: datetime
    plan: Plan
    verdicts: list[Verdict]
    unplanned: dict[str, str]


def store(
    connection: Connection,
    run_id: str,
    *,
    comparison: int,
    planned_at: datetime,
    plan: Plan,
    verdicts: Sequence[Verdict],
    unplanned: Mapping[str, str],
) -> None:
    """Keeps the plan of a run; a second one for the same run is not taken."""
    connection.execute(
        text(
            "insert into plan (environment, run_id, hash, comparison_id, planned_at, body, verdicts, unplanned) values "
            "(:e, :r, :h, :c, :at, cast(:b as jsonb), cast(:v as jsonb), cast(:u as jsonb)) on conflict do nothing"
        ),
        {
            "e": plan.environment, "r": run_id, "h": plan.hash, "c": comparison, "at": planned_at,
            "b": dumps(plan), "v": dumps(list(verdicts)), "u": dumps(dict(unplanned)),
        },
    )  # fmt: skip


def of_run(engine: Engine, environment: str, run_id: str) -> StoredPlan | None:
    """The plan of a run."""
    return one(engine, "environment = :e and run_id = :r", {"e": environment, "r": run_id})


def by_hash(engine: Engine, environment: str, hash: str) -> StoredPlan | None:
    """The newest plan of this hash."""
    return one(engine, "environment = :e and hash = :h", {"e": environment, "h": hash})


def one(engine: Engine, where: str, parameters: dict[str, Any]) -> StoredPlan | None:
    columns = "run_id, comparison_id, planned_at, body, verdicts, unplanned"
    with engine.connect() as connection:
        row = connection.execute(
            text(f"select {columns} from plan where {where} order by stored_at desc limit 1"), parameters
        ).first()
    if row is None:
        return None
    return StoredPlan(
        run_id=row.run_id,
        comparison_id=row.comparison_id,
        planned_at=row.planned_at,
        plan=typed(row.body, Plan),
        verdicts=typed(row.verdicts, list[Verdict]),
        unplanned=row.unplanned,
    )
