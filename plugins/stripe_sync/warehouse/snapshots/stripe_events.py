"""The cursor of the events feed, the events that were read, and the answers to our own writes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.tables import snapshots as tables
from stripe_sync.warehouse.tables.columns import is_among


@dataclass(frozen=True)
class Feed:
    """The state of one feed. ``of_what`` names the account and what is read of it."""

    of_what: str
    cursor: datetime
    audited_at: datetime
    checked_at: datetime


def find(engine: Engine, environment: str) -> Feed | None:
    """Return the feed of an environment, once a full read has begun it."""
    of = tables.stripe_cursor.c
    query = select(of.of_what, of.cursor, of.audited_at, of.checked_at).where(of.environment == environment)
    with connect_to_read(engine) as connection:
        row = connection.execute(query).first()
    return Feed(**row._asdict()) if row else None


def begin(connection: Connection, environment: str, of_what: str, *, now: datetime) -> None:
    """Begin the feed at the upper bound of a full read."""
    given = {"of_what": of_what, "cursor": now, "audited_at": now, "checked_at": now}
    connection.execute(
        insert(tables.stripe_cursor)
        .values(environment=environment, **given)
        .on_conflict_do_update(index_elements=[tables.stripe_cursor.c.environment], set_=given)
    )


def advance(connection: Connection, environment: str, *, now: datetime, forget_before: datetime) -> None:
    """Move the cursor on; events before the overlap need not be known any longer."""
    feed, event = tables.stripe_cursor, tables.seen_event
    connection.execute(update(feed).where(feed.c.environment == environment).values(cursor=now))
    connection.execute(delete(event).where(event.c.environment == environment, event.c.created < forget_before))


def checked(engine: Engine, environment: str, *, now: datetime) -> None:
    """Record the moment at which the account was checked."""
    feed = tables.stripe_cursor
    with engine.begin() as connection:
        connection.execute(update(feed).where(feed.c.environment == environment).values(checked_at=now))


def unseen(engine: Engine, environment: str, ids: Iterable[str]) -> set[str]:
    """Return those of these events that were not read yet."""
    given = set(ids)
    of = tables.seen_event.c
    with connect_to_read(engine) as connection:
        rows = connection.execute(select(of.id).where(of.environment == environment, is_among(of.id, given)))
        return given - {row.id for row in rows}


def saw(connection: Connection, environment: str, events: Mapping[str, datetime]) -> None:
    """Record these events as read."""
    rows = [{"environment": environment, "id": id, "created": at} for id, at in events.items()]
    if rows:
        connection.execute(insert(tables.seen_event).on_conflict_do_nothing(), rows)


def answered(connection: Connection, environment: str, kind: str, body: Mapping[str, Any]) -> None:
    """Store the answer to our own write, so that the next extract need not read the object."""
    of = tables.write_answer.c
    given = insert(tables.write_answer).values(environment=environment, kind=kind, id=body["id"], body=dict(body))
    connection.execute(
        given.on_conflict_do_update(index_elements=[of.environment, of.kind, of.id], set_={"body": given.excluded.body})
    )


def billed_in(connection: Connection, environment: str, customer: str, currency: str) -> None:
    """Note the currency that a first subscription gives its customer, which no answer of the customer shows."""
    run_sql(connection, "mirror/answer_currency", environment=environment, customer=customer, currency=currency)
    of = tables.write_answer.c
    is_without = (of.id == customer) & of.body["currency"].astext.is_(None)
    connection.execute(
        update(tables.write_answer)
        .where(of.environment == environment, of.kind == "customer", is_without)
        .values(body=of.body.concat(func.jsonb_build_object("currency", currency)))
    )


def answers(engine: Engine, environment: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the answers that no extract has used yet, by kind and id."""
    of = tables.write_answer.c
    query = select(of.kind, of.id, of.body).where(of.environment == environment)
    with connect_to_read(engine) as connection:
        rows = connection.execute(query)
        return {(row.kind, row.id): row.body for row in rows}


def forget_answers(connection: Connection, environment: str, keys: Iterable[tuple[str, str]]) -> None:
    """Delete these answers, which are in the mirror now."""
    rows = [{"known_kind": kind, "known_id": id} for kind, id in keys]
    of = tables.write_answer.c
    is_known = (of.kind == bindparam("known_kind")) & (of.id == bindparam("known_id"))
    if rows:
        connection.execute(delete(tables.write_answer).where(of.environment == environment, is_known), rows)
