"""Actions of people, append-only, and the answers of probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables import runs as tables


def record(
    connection: Connection,
    environment: str,
    *,
    command: str,
    subject: str,
    reason: str,
    person: str,
    detail: Mapping[str, Any] | None = None,
) -> None:
    """Record one action of a person, with who and why."""
    connection.execute(
        insert(tables.manual_action).values(
            environment=environment,
            command=command,
            subject=subject,
            reason=reason,
            person=person,
            detail=dict(detail or {}),
        )
    )


def all_of(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """Return the actions of people, newest first."""
    of = tables.manual_action.c
    query = select(of.command, of.subject, of.reason, of.person, of.detail, of.done_at)
    with connect_to_read(engine) as connection:
        rows = connection.execute(query.where(of.environment == environment).order_by(of.id.desc()))
        return [dict(row._mapping) for row in rows]


def newest(connection: Connection, environment: str) -> int:
    """Return the number of the last action of a person; 0 before the first."""
    of = tables.manual_action.c
    found: int = connection.execute(
        select(func.coalesce(func.max(of.id), 0)).where(of.environment == environment)
    ).scalar_one()
    return found


def answer(
    engine: Engine, environment: str, question: str, *, answer: str, detail: str, request_ids: Sequence[str]
) -> None:
    """Store the answer to a question, with the requests that gave it."""
    row = {"environment": environment, "question": question, "answer": answer, "detail": detail}
    with engine.begin() as connection:
        connection.execute(insert(tables.probe_answer).values(row | {"request_ids": list(request_ids)}))


def answers(engine: Engine, environment: str) -> dict[str, str]:
    """Return the newest answer to each question that was answered."""
    of = tables.probe_answer.c
    query = select(of.question, of.answer).where(of.environment == environment).order_by(of.id)
    with connect_to_read(engine) as connection:
        return {row.question: row.answer for row in connection.execute(query)}
