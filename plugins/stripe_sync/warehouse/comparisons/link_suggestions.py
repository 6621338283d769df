"""What waits for a person: pairs that one side alone puts together, and objects that a person exempted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.core.keys import owner


def clear(connection: Connection, environment: str, owners: Collection[str] | None = None) -> None:
    """Forgets the candidates of these owners (``keys.owner``), or all of them."""
    known = connection.execute(text("select key from candidate where environment = :e"), {"e": environment}).scalars()
    gone = [{"e": environment, "k": key} for key in {*known} if owners is None or owner(key) in owners]
    if gone:
        connection.execute(text("delete from candidate where environment = :e and key = :k"), gone)


def add(connection: Connection, environment: str, run_id: str, found: Iterable[tuple[str, str, str]]) -> None:
    """Keeps candidates: (link key, Stripe id, why no link was made)."""
    rows = [{"e": environment, "k": key, "s": id, "why": why, "r": run_id} for key, id, why in found]
    if rows:
        connection.execute(
            text(
                "insert into candidate (environment, key, stripe_id, why, run_id) values (:e, :k, :s, :why, :r) "
                "on conflict do nothing"
            ),
            rows,
        )


def all_of(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """The candidates of the newest run."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("select key, stripe_id, why from candidate where environment = :e order by key, stripe_id"),
            {"e": environment},
        )
        return [dict(row._mapping) for row in rows]


def ignored(connection: Connection, environment: str) -> frozenset[str]:
    """The link keys that a person exempted by the command ``ignore``."""
    rows = connection.execute(text("select key from ignored where environment = :e"), {"e": environment})
    return frozenset(row.key for row in rows)


def ignore(connection: Connection, environment: str, key: str, *, reason: str, person: str) -> None:
    """Exempts an object until it is synced again."""
    connection.execute(
        text(
            "insert into ignored (environment, key, reason, ignored_by) values (:e, :k, :r, :p) "
            "on conflict (environment, key) do update set reason = excluded.reason, ignored_by = excluded.ignored_by"
        ),
        {"e": environment, "k": key, "r": reason, "p": person},
    )


def heed(connection: Connection, environment: str, key: str) -> bool:
    """Takes an exemption back; whether there was one."""
    done = connection.execute(
        text("delete from ignored where environment = :e and key = :k returning key"), {"e": environment, "k": key}
    )
    return done.first() is not None
