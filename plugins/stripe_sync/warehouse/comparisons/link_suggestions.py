"""Link suggestions, which wait for a person, and objects that a person exempted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy import Connection, Engine, delete, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.core.keys import owner
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables.columns import is_among
from stripe_sync.warehouse.tables.comparisons import ignored as exempted
from stripe_sync.warehouse.tables.comparisons import link_suggestion as suggestions


def clear(connection: Connection, environment: str, owners: Collection[str] | None = None) -> None:
    """Delete the suggestions of these owners (``keys.owner``), or all of them."""
    of = suggestions.c
    known = connection.execute(select(of.key).where(of.environment == environment)).scalars()
    gone = [key for key in {*known} if owners is None or owner(key) in owners]
    if gone:
        connection.execute(delete(suggestions).where(of.environment == environment, is_among(of.key, gone)))


def add(connection: Connection, environment: str, run_id: str, found: Iterable[tuple[str, str, str]]) -> None:
    """Store suggestions: (link key, Stripe id, the reason that no link was added)."""
    about = {"environment": environment, "run_id": run_id}
    rows = [about | {"key": key, "stripe_id": id, "why": why} for key, id, why in found]
    if rows:
        connection.execute(insert(suggestions).on_conflict_do_nothing(), rows)


def all_of(engine: Engine, environment: str) -> list[dict[str, Any]]:
    """Return all open suggestions, in order of link key."""
    of = suggestions.c
    query = select(of.key, of.stripe_id, of.why).where(of.environment == environment).order_by(of.key, of.stripe_id)
    with connect_to_read(engine) as connection:
        rows = connection.execute(query)
        return [dict(row._mapping) for row in rows]


def ignored(connection: Connection, environment: str) -> frozenset[str]:
    """Return the link keys that a person exempted by the command ``ignore``."""
    rows = connection.execute(select(exempted.c.key).where(exempted.c.environment == environment))
    return frozenset(row.key for row in rows)


def ignore(connection: Connection, environment: str, key: str, *, reason: str, person: str) -> None:
    """Exempt an object until it is synced again."""
    given = {"reason": reason, "ignored_by": person}
    connection.execute(
        insert(exempted)
        .values(environment=environment, key=key, **given)
        .on_conflict_do_update(index_elements=exempted.primary_key.columns, set_=given)
    )


def end_exemption(connection: Connection, environment: str, key: str) -> bool:
    """Take an exemption back; return whether there was one."""
    of = exempted.c
    done = connection.execute(delete(exempted).where(of.environment == environment, of.key == key).returning(of.key))
    return done.first() is not None
