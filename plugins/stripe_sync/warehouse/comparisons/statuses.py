"""The status of every Stigg entity, as of its last run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.warehouse.engine import dumps, run_sql


def store(connection: Connection, environment: str, run_id: str, statuses: Iterable[EntityStatus]) -> None:
    """Sets the status of these entities, the last one that is told of each; ``changed_at`` moves only where something changed."""
    last = {(s.kind, s.id): s for s in statuses}
    told = [
        {
            "kind": s.kind, "id": s.id, "status": s.status.value, "reason": s.reason.value, "detail": s.detail,
            "stripe_id": s.stripe_id,
        }
        for s in last.values()
    ]  # fmt: skip
    if told:
        run_sql(connection, "drift/statuses", environment=environment, run_id=run_id, statuses=dumps(told))


def forget_others(connection: Connection, environment: str, run_id: str) -> None:
    """Removes the statuses of entities that a run's complete extract no longer knows."""
    connection.execute(
        text("delete from status where environment = :e and run_id <> :r"), {"e": environment, "r": run_id}
    )


def count_anew(connection: Connection, environment: str) -> None:
    """Counts all statuses, of which only changes are added up otherwise."""
    run_sql(connection, "drift/tally", environment=environment)


def forget(connection: Connection, environment: str, run_id: str, entities: Iterable[tuple[str, str]]) -> None:
    """Removes the statuses of those of these entities that a run has not told: they are no more."""
    rows = [{"e": environment, "r": run_id, "kind": kind, "id": id} for kind, id in entities]
    if rows:
        connection.execute(
            text("delete from status where environment = :e and kind = :kind and id = :id and run_id <> :r"), rows
        )


def in_error(connection: Connection, environment: str, entities: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of some (kind, id) whose status is an error."""
    rows = connection.execute(
        text("select kind, id from status where environment = :e and status = 'ERROR' and id = any(:ids)"),
        {"e": environment, "ids": [id for _, id in entities]},
    )
    return {(row.kind, row.id) for row in rows} & set(entities)


def unpaid(connection: Connection, environment: str) -> dict[tuple[str, str], EntityStatus]:
    """Return the statuses of the entities of which a payment is under way or failed, by kind and id."""
    rows = connection.execute(
        text(
            "select kind, id, status, reason, detail, stripe_id from status where environment = :e and reason = any(:r)"
        ),
        {"e": environment, "r": [ReasonCode.PAYMENT_PROCESSING.value, ReasonCode.PAYMENT_FAILED.value]},
    )
    return {
        (r.kind, r.id): EntityStatus(r.kind, r.id, Status(r.status), ReasonCode(r.reason), r.detail, r.stripe_id)
        for r in rows
    }


def details(connection: Connection, environment: str, reason: ReasonCode) -> str:
    """Return what is said of all entities with a reason, as one text."""
    rows = connection.execute(
        text("select detail from status where environment = :e and reason = :r"), {"e": environment, "r": reason.value}
    )
    return " ".join(row.detail or "" for row in rows)


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
        return [EntityStatus(r.kind, r.id, Status(r.status), ReasonCode(r.reason), r.detail, r.stripe_id) for r in rows]
