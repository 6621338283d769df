"""Runs and their finished stations: what makes every station idempotent by (environment, run id, station)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.warehouse.engine import dumps

Started = tuple[datetime, dict[str, Any]]  # the one reading of the clock, the parameters


def start(engine: Engine, environment: str, run_id: str, *, now: datetime, params: Mapping[str, Any]) -> Started:
    """Records a run with its one reading of the clock; of two that start the same run, the first is right for both."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into run (environment, run_id, started_at, params) values (:e, :r, :now, cast(:p as jsonb)) "
                "on conflict do nothing"
            ),
            {"e": environment, "r": run_id, "now": now, "p": dumps(dict(params))},
        )
    found = find(engine, environment, run_id)
    assert found is not None
    return found


def find(engine: Engine, environment: str, run_id: str) -> Started | None:
    """A run that was started, or None."""
    with engine.connect() as connection:
        row = connection.execute(
            text("select started_at, params from run where environment = :e and run_id = :r"),
            {"e": environment, "r": run_id},
        ).first()
        return (row.started_at, row.params) if row else None


def result(engine: Engine, environment: str, run_id: str, station: str) -> dict[str, Any] | None:
    """What a finished station of a run gave, or None."""
    with engine.connect() as connection:
        return result_in(connection, environment, run_id, station)


def result_in(connection: Connection, environment: str, run_id: str, station: str) -> dict[str, Any] | None:
    """The same, in a transaction."""
    found: dict[str, Any] | None = connection.execute(
        text("select result from station where environment = :e and run_id = :r and station = :s"),
        {"e": environment, "r": run_id, "s": station},
    ).scalar()
    return found


def newest_result(connection: Connection, environment: str, station: str) -> dict[str, Any] | None:
    """What a station gave the last time that it finished, in whatever run."""
    found: dict[str, Any] | None = connection.execute(
        text("select result from station where environment = :e and station = :s order by finished_at desc limit 1"),
        {"e": environment, "s": station},
    ).scalar()
    return found


def finish(engine: Engine, environment: str, run_id: str, station: str, result: Mapping[str, Any]) -> None:
    """Records what a station gave, the last time that it was done."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into station (environment, run_id, station, result) values (:e, :r, :s, cast(:x as jsonb)) "
                "on conflict (environment, run_id, station) do update set result = excluded.result, finished_at = now()"
            ),
            {"e": environment, "r": run_id, "s": station, "x": dumps(dict(result))},
        )


def last(engine: Engine, environment: str) -> dict[str, Any] | None:
    """The newest run: its id, start, and the stations that it finished."""
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "select run_id, started_at, array(select station from station s where s.environment = r.environment and "
                "s.run_id = r.run_id order by finished_at) as stations from run r where environment = :e "
                "order by created_at desc limit 1"
            ),
            {"e": environment},
        ).first()
        return dict(row._mapping) if row else None
