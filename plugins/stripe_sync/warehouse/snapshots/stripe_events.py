"""How far the events feed was read, which events were taken up, and what our own writes were answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.warehouse.engine import dumps


@dataclass(frozen=True)
class Feed:
    """The state of one feed. ``of_what`` names the account and what is read of it."""

    of_what: str
    cursor: datetime
    audited_at: datetime
    checked_at: datetime


def find(engine: Engine, environment: str) -> Feed | None:
    """The feed of an environment, once a full read has begun it."""
    with engine.connect() as connection:
        row = connection.execute(
            text("select of_what, cursor, audited_at, checked_at from feed where environment = :e"), {"e": environment}
        ).first()
    return Feed(**row._asdict()) if row else None


def begin(connection: Connection, environment: str, of_what: str, *, now: datetime) -> None:
    """A full read: the feed goes on from its upper bound."""
    connection.execute(
        text(
            "insert into feed (environment, of_what, cursor, audited_at, checked_at) values (:e, :w, :now, :now, :now) "
            "on conflict (environment) do update set of_what = :w, cursor = :now, audited_at = :now, checked_at = :now"
        ),
        {"e": environment, "w": of_what, "now": now},
    )


def advance(connection: Connection, environment: str, *, now: datetime, forget_before: datetime) -> None:
    """The feed was read up to a moment; events before the overlap need not be known any longer."""
    connection.execute(text("update feed set cursor = :now where environment = :e"), {"e": environment, "now": now})
    connection.execute(
        text("delete from seen_event where environment = :e and created < :b"), {"e": environment, "b": forget_before}
    )


def checked(engine: Engine, environment: str, *, now: datetime) -> None:
    """The account was checked at a moment."""
    with engine.begin() as connection:
        connection.execute(
            text("update feed set checked_at = :now where environment = :e"), {"e": environment, "now": now}
        )


def unseen(engine: Engine, environment: str, ids: Iterable[str]) -> set[str]:
    """Those of these events that were not taken up yet."""
    given = set(ids)
    with engine.connect() as connection:
        rows = connection.execute(
            text("select id from seen_event where environment = :e and id = any(:ids)"),
            {"e": environment, "ids": list(given)},
        )
        return given - {row.id for row in rows}


def saw(connection: Connection, environment: str, events: Mapping[str, datetime]) -> None:
    """These events were taken up."""
    rows = [{"e": environment, "id": id, "at": at} for id, at in events.items()]
    if rows:
        connection.execute(
            text("insert into seen_event (environment, id, created) values (:e, :id, :at) on conflict do nothing"), rows
        )


def answered(connection: Connection, environment: str, kind: str, body: Mapping[str, Any]) -> None:
    """Keeps the answer of a write of ours, so that nobody has to read the object again."""
    connection.execute(
        text(
            "insert into own_answer (environment, kind, id, body) values (:e, :k, :id, cast(:b as jsonb)) "
            "on conflict (environment, kind, id) do update set body = excluded.body"
        ),
        {"e": environment, "k": kind, "id": body["id"], "b": dumps(dict(body))},
    )


def billed_in(connection: Connection, environment: str, customer: str, currency: str) -> None:
    """A first subscription gives its customer a currency, of which its own answer does not tell: it is noted as if it did."""
    connection.execute(
        text(
            "insert into own_answer (environment, kind, id, body) "
            "select :e, 'customer', :id, body || jsonb_build_object('currency', cast(:c as text)) from mirror "
            "where environment = :e and side = 'stripe' and kind = 'customer' and id = :id and valid_to is null "
            "and body ->> 'currency' is null on conflict do nothing"
        ),
        {"e": environment, "id": customer, "c": currency},
    )
    connection.execute(
        text(
            "update own_answer set body = body || jsonb_build_object('currency', cast(:c as text)) "
            "where environment = :e and kind = 'customer' and id = :id and body ->> 'currency' is null"
        ),
        {"e": environment, "id": customer, "c": currency},
    )


def answers(engine: Engine, environment: str) -> dict[tuple[str, str], dict[str, Any]]:
    """The answers that no extract has taken up yet, by kind and id."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("select kind, id, body from own_answer where environment = :e"), {"e": environment}
        )
        return {(row.kind, row.id): row.body for row in rows}


def forget_answers(connection: Connection, environment: str, keys: Iterable[tuple[str, str]]) -> None:
    """These answers are in the mirror now."""
    rows = [{"e": environment, "k": kind, "id": id} for kind, id in keys]
    if rows:
        connection.execute(text("delete from own_answer where environment = :e and kind = :k and id = :id"), rows)
