"""Links: which Stripe id belongs to which link key, and by what evidence we know."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from sqlalchemy import Connection, Engine, text

Source = Literal["created", "marker", "person"]


def all_of(connection: Connection, environment: str) -> dict[str, str]:
    """Every open link: Stripe id by link key."""
    rows = connection.execute(
        text("select key, stripe_id from link where environment = :e and ended_at is null"), {"e": environment}
    )
    return {row.key: row.stripe_id for row in rows}


def add(connection: Connection, environment: str, key: str, stripe_id: str, *, source: Source) -> None:
    """Records a link. The same link again changes nothing; another one for the same key or id is an error of ours."""
    connection.execute(
        text(
            "insert into link (environment, key, stripe_id, source) select :e, :k, :s, :source where not exists "
            "(select 1 from link where environment = :e and key = :k and stripe_id = :s and ended_at is null)"
        ),
        {"e": environment, "k": key, "s": stripe_id, "source": source},
    )


def add_all(engine: Engine, environment: str, found: Iterable[tuple[str, str]], *, source: Source) -> int:
    """Records several links in one transaction; returns how many were given."""
    pairs = list(found)
    with engine.begin() as connection:
        for key, stripe_id in pairs:
            add(connection, environment, key, stripe_id, source=source)
    return len(pairs)
