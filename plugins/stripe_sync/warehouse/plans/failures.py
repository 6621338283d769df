"""Writes that are refused again and again: retried after growing delays, listed, and freed by ``retry`` (invariant 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables.plans import write_failure as refusals

MAX_REFUSALS = 3  # refusals in a row before a target is skipped
FIRST, LONGEST = timedelta(hours=1), timedelta(hours=24)


@dataclass(frozen=True)
class Failure:
    """A target that is skipped until a time, with the reason of its last refusal."""

    target: str
    failures: int
    reason: str
    detail: str
    until: datetime


def delay(failures: int) -> timedelta | None:
    """Return how long a target is skipped after so many refusals in a row: none, 1 h, 2 h, 4 h, … 24 h."""
    if failures < MAX_REFUSALS:
        return None
    doubled: timedelta = FIRST * 2 ** min(failures - MAX_REFUSALS, 10)
    return min(doubled, LONGEST)


def refused(
    connection: Connection,
    environment: str,
    *,
    target: str,
    lane: str,
    entity: tuple[str, str] | None,
    reason: str,
    detail: str,
    now: datetime,
    has_own_time: bool = False,
) -> None:
    """Count one more refusal in a row. One that ``has_own_time`` (a declined payment) skips no other write."""
    kind, id = entity or ("", "")
    newest = {"reason": reason, "detail": detail, "last_at": now}
    of = refusals.c
    count = connection.execute(
        insert(refusals)
        .values(environment=environment, target=target, lane=lane, entity_kind=kind, entity_id=id, failures=1, **newest)
        .on_conflict_do_update(index_elements=[of.environment, of.target], set_=newest | {"failures": of.failures + 1})
        .returning(of.failures)
    ).scalar_one()
    wait = None if has_own_time else delay(count)
    connection.execute(
        update(refusals)
        .where(of.environment == environment, of.target == target)
        .values(until=now + wait if wait else None)
    )


def succeeded(connection: Connection, environment: str, target: str) -> None:
    """End the count of a target whose write was made."""
    connection.execute(delete(refusals).where(refusals.c.environment == environment, refusals.c.target == target))


def quarantined(engine: Engine, environment: str, *, now: datetime) -> dict[str, Failure]:
    """Return the targets that are skipped at a time."""
    of = refusals.c
    query = select(of.target, of.failures, of.reason, of.detail, of.until)
    with connect_to_read(engine) as connection:
        rows = connection.execute(query.where(of.environment == environment, of.until > now))
        return {row.target: Failure(**row._mapping) for row in rows}


def all_of(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """Return every target whose last write was refused, those that are skipped longest first."""
    of = refusals.c
    query = select(of.target, of.entity_kind, of.entity_id, of.failures, of.reason, of.detail, of.until)
    in_order = query.order_by(of.until.desc().nulls_last(), of.target)
    with connect_to_read(engine) as connection:
        rows = connection.execute(in_order.where(of.environment == environment))
        return [dict(row._mapping) for row in rows]


def free(connection: Connection, environment: str, id: str) -> list[str]:
    """Free the targets of an entity, or one target by its link key; return them."""
    of = refusals.c
    done = connection.execute(
        delete(refusals)
        .where(of.environment == environment, or_(of.entity_id == id, of.target == id))
        .returning(of.target)
    )
    return [row.target for row in done]
