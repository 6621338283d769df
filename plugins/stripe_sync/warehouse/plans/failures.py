"""Writes that are refused again and again: left alone for growing delays, listed, and freed by ``retry`` (invariant 8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Engine, text

PATIENCE = 3  # refusals in a row before a target is left alone
FIRST, LONGEST = timedelta(hours=1), timedelta(hours=24)


@dataclass(frozen=True)
class Failure:
    """A target that is left alone until a moment, and why its last write was refused."""

    target: str
    failures: int
    reason: str
    detail: str
    until: datetime


def delay(failures: int) -> timedelta | None:
    """How long a target is left alone after so many refusals in a row: none, 1 h, 2 h, 4 h, … 24 h."""
    if failures < PATIENCE:
        return None
    doubled: timedelta = FIRST * 2 ** min(failures - PATIENCE, 10)
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
    """Counts one more refusal in a row. One that ``has_own_time`` (a declined payment) leaves nothing else alone."""
    kind, id = entity or ("", "")
    count = connection.execute(
        text(
            "insert into failure (environment, target, lane, entity_kind, entity_id, failures, reason, detail, last_at) "
            "values (:e, :t, :lane, :kind, :id, 1, :r, :d, :now) on conflict (environment, target) do update set "
            "failures = failure.failures + 1, reason = excluded.reason, detail = excluded.detail, last_at = excluded.last_at "
            "returning failures"
        ),
        {"e": environment, "t": target, "lane": lane, "kind": kind, "id": id, "r": reason, "d": detail, "now": now},
    ).scalar_one()
    wait = None if has_own_time else delay(count)
    connection.execute(
        text("update failure set until = :u where environment = :e and target = :t"),
        {"e": environment, "t": target, "u": now + wait if wait else None},
    )


def succeeded(connection: Connection, environment: str, target: str) -> None:
    """A write that is made ends the count."""
    connection.execute(
        text("delete from failure where environment = :e and target = :t"), {"e": environment, "t": target}
    )


def quarantined(engine: Engine, environment: str, *, now: datetime) -> dict[str, Failure]:
    """The targets that are left alone at a moment."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("select target, failures, reason, detail, until from failure where environment = :e and until > :now"),
            {"e": environment, "now": now},
        )
        return {row.target: Failure(**row._mapping) for row in rows}


def all_of(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """Every target whose last write was refused, those that are left alone longest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select target, entity_kind, entity_id, failures, reason, detail, until from failure where environment = :e "
                "order by until desc nulls last, target"
            ),
            {"e": environment},
        )
        return [dict(row._mapping) for row in rows]


def free(connection: Connection, environment: str, id: str) -> list[str]:
    """Frees the targets of an entity, or one target by its link key; which there were."""
    done = connection.execute(
        text("delete from failure where environment = :e and (entity_id = :id or target = :id) returning target"),
        {"e": environment, "id": id},
    )
    return [row.target for row in done]
