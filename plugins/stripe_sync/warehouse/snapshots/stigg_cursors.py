"""How far Stigg was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, text


@dataclass(frozen=True)
class StiggRead:
    """``cursor``: customers that changed before are known; when subscriptions were scanned, and when everything was read."""

    cursor: datetime
    scanned_at: datetime
    audited_at: datetime


def find(engine: Engine, environment: str) -> StiggRead | None:
    """How far an environment was read, once it was read whole."""
    with engine.connect() as connection:
        row = connection.execute(
            text("select cursor, scanned_at, audited_at from stigg_read where environment = :e"), {"e": environment}
        ).first()
    return StiggRead(**row._asdict()) if row else None


def advance(connection: Connection, environment: str, read: StiggRead) -> None:
    """Sets how far it was read."""
    connection.execute(
        text(
            "insert into stigg_read (environment, cursor, scanned_at, audited_at) values (:e, :c, :s, :a) on conflict "
            "(environment) do update set cursor = excluded.cursor, scanned_at = excluded.scanned_at, "
            "audited_at = excluded.audited_at"
        ),
        {"e": environment, "c": read.cursor, "s": read.scanned_at, "a": read.audited_at},
    )


def living(connection: Connection, environment: str, statuses: tuple[str, ...]) -> set[str]:
    """The ids of the subscriptions that the newest mirror of Stigg shows in these statuses."""
    rows = connection.execute(
        text(
            "select id from mirror where environment = :e and side = 'stigg' and kind = 'subscription' "
            "and valid_to is null and body ->> 'status' = any(:s)"
        ),
        {"e": environment, "s": list(statuses)},
    )
    return {row.id for row in rows}
