"""The status of every Stigg entity, as of its last run."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Engine, Select, bindparam, delete, or_, select

from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.tables.columns import is_among
from stripe_sync.warehouse.tables.comparisons import status as table


def store(connection: Connection, environment: str, run_id: str, statuses: Iterable[EntityStatus]) -> None:
    """Set the status of these entities, the last one given of each; ``changed_at`` moves only where something changed."""
    last = {(s.kind, s.id): s for s in statuses}
    rows = [
        {
            "kind": s.kind,
            "id": s.id,
            "status": s.status.value,
            "reason": s.reason.value,
            "detail": s.detail,
            "stripe_id": s.stripe_id,
        }
        for s in last.values()
    ]
    if rows:
        run_sql(connection, "drift/statuses", environment=environment, run_id=run_id, statuses=dumps(rows))


def forget_others(connection: Connection, environment: str, run_id: str) -> None:
    """Remove the statuses of entities that a run's complete extract no longer knows."""
    of = table.c
    connection.execute(delete(table).where(of.environment == environment, of.run_id != run_id))


def recount(connection: Connection, environment: str) -> None:
    """Count all statuses again; other runs only add their changes."""
    run_sql(connection, "drift/count_statuses", environment=environment)


def forget(connection: Connection, environment: str, run_id: str, entities: Iterable[tuple[str, str]]) -> None:
    """Remove the statuses of those of these entities that a run has not set: they are no more."""
    rows = [{"gone_kind": kind, "gone_id": id} for kind, id in entities]
    of = table.c
    is_gone = (of.kind == bindparam("gone_kind")) & (of.id == bindparam("gone_id"))
    if rows:
        connection.execute(delete(table).where(of.environment == environment, is_gone, of.run_id != run_id), rows)


def in_error(connection: Connection, environment: str, entities: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Return those of some (kind, id) whose status is an error."""
    rows = run_sql(connection, "drift/in_error", environment=environment, ids=[id for _, id in entities])
    return {(row["kind"], row["id"]) for row in rows} & set(entities)


def refused(connection: Connection, environment: str) -> list[EntityStatus]:
    """Return the status ERROR, with its reason, of each entity that waits for a write and whose last write was refused."""
    return [
        EntityStatus(row["kind"], row["id"], Status.ERROR, ReasonCode(row["reason"]), row["detail"], row["stripe_id"])
        for row in run_sql(connection, "drift/refused", environment=environment)
    ]


def unpaid(connection: Connection, environment: str) -> dict[tuple[str, str], EntityStatus]:
    """Return the statuses of the entities of which a payment is under way or failed, by kind and id."""
    reasons = [ReasonCode.PAYMENT_PROCESSING.value, ReasonCode.PAYMENT_FAILED.value]
    query = select(table).where(table.c.environment == environment, is_among(table.c.reason, reasons))
    return {(status.kind, status.id): status for status in _statuses(connection, query)}


def details(connection: Connection, environment: str, reason: ReasonCode) -> str:
    """Return the details of all entities with a reason, as one text."""
    of = table.c
    rows = connection.execute(select(of.detail).where(of.environment == environment, of.reason == reason.value))
    return " ".join(row.detail or "" for row in rows)


def counts(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """Return the numbers of entities by kind, status and reason."""
    with connect_to_read(engine) as connection:
        return run_sql(connection, "reports/status_counts", environment=environment)


def find(engine: Engine, environment: str, id: str) -> list[EntityStatus]:
    """Return the statuses of the entities with this Stigg id or Stripe id."""
    of = table.c
    query = select(table).where(of.environment == environment, or_(of.id == id, of.stripe_id == id))
    with connect_to_read(engine) as connection:
        return _statuses(connection, query.order_by(of.kind))


def _statuses(connection: Connection, query: Select[tuple[Any, ...]]) -> list[EntityStatus]:
    return [
        EntityStatus(r.kind, r.id, Status(r.status), ReasonCode(r.reason), r.detail, r.stripe_id)
        for r in connection.execute(query)
    ]
