"""Declined payments: one row a target whose last charging write was refused; gone when one is paid."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, insert, or_, select, update

from stripe_sync.domain.plan.declines import Decline, DeclineKind
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.tables.plans import payment_decline as declines

COLUMNS = [declines.c[field.name].label(field.name) for field in fields(Decline)]


def find(connection: Connection, environment: str, target: str) -> Decline | None:
    """Return the decline of a target, if its last charging write was refused."""
    row = connection.execute(select(*COLUMNS).where(_is_of(environment, target))).first()
    return decoded(row._asdict()) if row else None


def all_of(engine: Engine, environment: str) -> dict[str, Decline]:
    """Return every decline of an environment by target."""
    with connect_to_read(engine) as connection:
        rows = connection.execute(
            select(declines.c.target, *COLUMNS).where(declines.c.environment == environment).order_by(declines.c.target)
        )
        found = [row._asdict() for row in rows]
    return {row.pop("target"): decoded(row) for row in found}


def decoded(row: dict[str, Any]) -> Decline:
    """Return a row as a decline."""
    return Decline(**row | {"kind": DeclineKind(row["kind"])})


def keep(connection: Connection, environment: str, *, target: str, entity: str, decline: Decline) -> None:
    """Store the decline of a target in the place of an earlier one; ``entity`` is the id of what it is about in Stigg."""
    forget(connection, environment, target)
    values = {column.name: getattr(decline, column.name) for column in COLUMNS}
    connection.execute(insert(declines).values(environment=environment, target=target, entity_id=entity, **values))


def forget(connection: Connection, environment: str, target: str) -> None:
    """Remove the decline of a target whose write was made."""
    connection.execute(delete(declines).where(_is_of(environment, target)))


def free(connection: Connection, environment: str, id: str) -> list[str]:
    """Allow one more attempt for an entity or a target, whatever the backoff says; return the targets.

    An open invoice of the refused call still stands in the way.
    """
    done = connection.execute(
        update(declines)
        .where(declines.c.environment == environment, or_(declines.c.entity_id == id, declines.c.target == id))
        .values(is_freed=True)
        .returning(declines.c.target)
    )
    return [row.target for row in done]


def _is_of(environment: str, target: str) -> ColumnElement[bool]:
    return (declines.c.environment == environment) & (declines.c.target == target)
