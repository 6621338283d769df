"""Runs and their finished steps: every step is idempotent by (environment, run id, step)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.tables import runs as tables


class Named(Protocol):
    """A step of a job by its name."""

    @property
    def name(self) -> str:
        """Return the name."""


Started = tuple[datetime, dict[str, Any]]  # the one reading of the clock (UTC), the parameters


def start(engine: Engine, environment: str, run_id: str, *, now: datetime, params: Mapping[str, Any]) -> Started:
    """Record a run with its one reading of the clock; of two that start the same run, the first is right for both."""
    row = {"environment": environment, "run_id": run_id, "started_at": now, "params": dict(params)}
    with engine.begin() as connection:
        connection.execute(insert(tables.run).values(row).on_conflict_do_nothing())
    found = find(engine, environment, run_id)
    assert found is not None
    return found


def find(engine: Engine, environment: str, run_id: str) -> Started | None:
    """Return a run that was started, or None."""
    query = select(tables.run.c.started_at, tables.run.c.params).where(
        tables.run.c.environment == environment, tables.run.c.run_id == run_id
    )
    with connect_to_read(engine) as connection:
        row = connection.execute(query).first()
    return (row.started_at, row.params) if row else None


def result(engine: Engine, environment: str, run_id: str, step: str) -> dict[str, Any] | None:
    """Return the result of a finished step of a run, or None."""
    with connect_to_read(engine) as connection:
        return result_in(connection, environment, run_id, step)


def result_in(connection: Connection, environment: str, run_id: str, step: str) -> dict[str, Any] | None:
    """Return the result of a finished step of a run, or None, in a transaction."""
    of = tables.step.c
    found: dict[str, Any] | None = connection.execute(
        select(of.result).where(of.environment == environment, of.run_id == run_id, of.step == step)
    ).scalar()
    return found


def results(engine: Engine, environment: str, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the results of the finished steps of a run, by step."""
    of = tables.step.c
    with connect_to_read(engine) as connection:
        rows = connection.execute(
            select(of.step, of.result).where(of.environment == environment, of.run_id == run_id)
        ).all()
    return {row.step: row.result for row in rows}


def results_of(
    engine: Engine, environment: str, run_id: str, steps: Iterable[Named]
) -> dict[str, dict[str, Any] | None]:
    """Return the results of some steps of a run, by step; None for a step that is not finished."""
    found = results(engine, environment, run_id)
    return {step.name: found.get(step.name) for step in steps}


def newest_result(connection: Connection, environment: str, step: str) -> dict[str, Any] | None:
    """Return the result of a step when it last finished, in whatever run."""
    of = tables.step.c
    found: dict[str, Any] | None = connection.execute(
        select(of.result).where(of.environment == environment, of.step == step).order_by(of.finished_at.desc()).limit(1)
    ).scalar()
    return found


def finish(engine: Engine, environment: str, run_id: str, step: str, result: Mapping[str, Any]) -> None:
    """Record the result of a step; a later one replaces it."""
    row = {"environment": environment, "run_id": run_id, "step": step, "result": dict(result)}
    given = insert(tables.step).values(row)
    replaced = {"result": given.excluded.result, "finished_at": func.now()}
    with engine.begin() as connection:
        connection.execute(given.on_conflict_do_update(index_elements=tables.step.primary_key.columns, set_=replaced))


def last(engine: Engine, environment: str) -> dict[str, Any] | None:
    """Return the newest run: ``run_id``, ``started_at``, and ``steps``, the steps that it finished in order."""
    with connect_to_read(engine) as connection:
        return next(iter(run_sql(connection, "runs/newest", environment=environment)), None)
