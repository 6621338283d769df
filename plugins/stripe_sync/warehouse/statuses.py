"""The status of every Stigg entity, as of its last run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.warehouse.engine import run_sql


def store(connection: Connection, environment: str, run_id: str, statuses: Iterable[EntityStatus]) -> None:
    """Sets the status of these entities; ``changed_at`` moves only where something changed."""
    rows = [
        {
            "e": environment, "kind": s.kind, "id": s.id, "status": s.status.value, "reason": s.reason.value,
            "detail": s.detail, "sid": s.stripe_id, "r": run_id,
        }
        for s in statuses
    ]  # fmt: skip
    if rows:
        connection.execute(
            text(
                "insert into status (environment, kind, id, status, reason, detail, stripe_id, run_id) values "
                "(:e, :kind, :id, :status, :reason, :detail, :sid, :r) on conflict (environment, kind, id) do update set "
                "status = excluded.status, reason = excluded.reason, detail = excluded.detail, "
                "stripe_id = excluded.stripe_id, run_id = excluded.run_id, changed_at = case when "
                "(status.status, status.reason, status.detail, status.stripe_id) is distinct from "
                "(excluded.status, excluded.reason, excluded.detail, excluded.stripe_id) "
                "then now() else status.changed_at end"
            ),
            rows,
        )


def forget_others(connection: Connection, environment: str, run_id: str) -> None:
    """Removes the statuses of entities that a run's complete extract no longer knows."""
    connection.execute(
        text("delete from status where environment = :e and run_id <> :r"), {"e": environment, "r": run_id}
    )


def forget(connection: Connection, environment: str, run_id: str, entities: Iterable[tuple[str, str]]) -> None:
    """Removes the statuses of those of these entities that a run has not told: they are no more."""
    rows = [{"e": environment, "r": run_id, "kind": kind, "id": id} for kind, id in entities]
    if rows:
        connection.execute(
            text("delete from status where environment = :e and kind = :kind and id = :id and run_id <> :r"), rows
        )


def counts(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """How many entities have which status and reason, by kind."""
    with engine.connect() as connection:
        return run_sql(connection, "reports/status_counts", environment=environment)


def find(engine: Engine, environment: str, id: str) -> list[EntityStatus]:
    """The statuses of the entities with this Stigg id or Stripe id."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select kind, id, status, reason, detail, stripe_id from status where environment = :e "
                "and (id = :id or stripe_id = :id) order by kind"
            ),
            {"e": environment, "id": id},
        )
        return [EntityStatus(r.kind, r.id, Status(r.status), Reason(r.reason), r.detail, r.stripe_id) for r in rows]
