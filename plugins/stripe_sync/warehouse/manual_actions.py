"""What people did by hand, append-only, and the answers of probe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.warehouse.engine import dumps


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
    """One thing that a person did, with who and why."""
    connection.execute(
        text(
            "insert into hand (environment, command, subject, reason, person, detail) "
            "values (:e, :c, :s, :r, :p, cast(:d as jsonb))"
        ),
        {"e": environment, "c": command, "s": subject, "r": reason, "p": person, "d": dumps(dict(detail or {}))},
    )


def all_of(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """What was done by hand, newest first."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select command, subject, reason, person, detail, done_at from hand where environment = :e order by id desc"
            ),
            {"e": environment},
        )
        return [dict(row._mapping) for row in rows]


def newest(connection: Connection, environment: str) -> int:
    """The number of the last thing that a person did; 0 before the first."""
    found: int = connection.execute(
        text("select coalesce(max(id), 0) from hand where environment = :e"), {"e": environment}
    ).scalar_one()
    return found


def answer(
    engine: Engine, environment: str, question: str, *, answer: str, detail: str, request_ids: Sequence[str]
) -> None:
    """Keeps the answer to a question, with the requests that gave it."""
    with engine.begin() as connection:
        connection.execute(
            text("insert into answer (environment, question, answer, detail, request_ids) values (:e, :q, :a, :d, :r)"),
            {"e": environment, "q": question, "a": answer, "d": detail, "r": list(request_ids)},
        )


def answers(engine: Engine, environment: str) -> dict[str, str]:
    """The newest answer to each question that was answered."""
    with engine.connect() as connection:
        rows = connection.execute(
            text(
                "select distinct on (question) question, answer from answer where environment = :e order by question, id desc"
            ),
            {"e": environment},
        )
        return {row.question: row.answer for row in rows}
