"""Amounts that writes left to a person: credits to be given, pending charges to be billed, each until it was done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, select, update
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.domain.plan.owed import Owed, owed_of
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.tables.columns import is_among
from stripe_sync.warehouse.tables.writes import owed as owed_rows
from stripe_sync.warehouse.writes.journal import Intent

WRITTEN = ("part", "kind", "currency", "amount", "product", "invoice", "waits")  # fields that a new row has as they are
EXEMPT = "a person exempted the subscription"


@dataclass(frozen=True)
class OwedRow:
    """One row: ``entity`` is Stigg's subscription, ``stripe_id`` and ``customer`` are Stripe's ids, ``since`` is UTC."""

    intent: int
    entity: str
    stripe_id: str
    customer: str
    since: datetime
    owed: Owed


def keep_left(connection: Connection, environment: str, intent: Intent, stripe_id: str) -> None:
    """Keep what a write that was made left to a person, since its run; a row that is there already stays as it is."""
    action = intent.action
    entity = action.entity[1] if action.entity else action.target
    about = {
        "environment": environment,
        "intent_id": intent.id,
        "entity_id": entity,
        "stripe_id": stripe_id,
        "customer": action.noted.get("customer", ""),
        "since": intent.since,
    }
    for row in owed_of(action):
        given = {name: getattr(row, name) for name in WRITTEN}
        connection.execute(
            insert(owed_rows).values(about | given | {"items": list(row.items)}).on_conflict_do_nothing()
        )


def open_rows(connection: Connection, environment: str) -> list[OwedRow]:
    """Return the rows that nothing has closed yet, oldest first."""
    of = owed_rows.c
    rows = connection.execute(
        select(owed_rows)
        .where(of.environment == environment, of.closed_at.is_(None))
        .order_by(of.since, of.intent_id, of.part)
    )
    return [
        OwedRow(
            r.intent_id,
            r.entity_id,
            r.stripe_id,
            r.customer,
            r.since,
            Owed(r.kind, r.currency, int(r.amount), tuple(r.items), r.product, r.invoice, r.removed, r.waits),
        )
        for r in rows
    ]


def used(connection: Connection, environment: str, customers: Collection[str]) -> set[str]:
    """Return what has closed rows of these customers."""
    of = owed_rows.c
    rows = connection.execute(
        select(of.closed_by).where(
            of.environment == environment, is_among(of.customer, customers), of.closed_at.is_not(None)
        )
    )
    return {row.closed_by for row in rows}


def as_seen(connection: Connection, environment: str, row: OwedRow) -> None:
    """Keep the invoice of a row, and whether it waits for Stripe alone."""
    connection.execute(
        update(owed_rows).where(_is(environment, row)).values(invoice=row.owed.invoice, waits=row.owed.waits)
    )


def sold_after(connection: Connection, environment: str) -> dict[str, bool]:
    """Return the invoices that sold a period after the end, with whether their row is open."""
    rows = run_sql(connection, "owed/sold_after", environment=environment)
    return {row["invoice"]: row["is_open"] for row in rows}


def looked_at(connection: Connection, environment: str, row: OwedRow, *, removed: bool) -> None:
    """Keep whether Stripe removed the items of a row with the cancellation; the first look stands."""
    connection.execute(
        update(owed_rows).where(_is(environment, row), owed_rows.c.removed.is_(None)).values(removed=removed)
    )


def close(connection: Connection, environment: str, row: OwedRow, *, by: str, at: datetime) -> None:
    """Close a row."""
    connection.execute(update(owed_rows).where(_is(environment, row)).values(closed_at=at, closed_by=by))


def _is(environment: str, row: OwedRow) -> ColumnElement[bool]:
    of = owed_rows.c
    return and_(of.environment == environment, of.intent_id == row.intent, of.part == row.owed.part)
