"""What writes left to a person: credits to be given, pending charges to be billed, each until it was done."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from stripe_sync.domain.plan.owed import Owed, owed_of
from stripe_sync.warehouse.writes.journal import Intent

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
    for row in owed_of(action):
        connection.execute(
            text(
                "insert into owed (environment, intent_id, part, entity_id, stripe_id, customer, kind, currency, amount, "
                "product, invoice, items, since, waits) values (:e, :i, :part, :entity, :s, :c, :kind, :currency, :amount, "
                ":product, :invoice, :items, :at, :waits) on conflict do nothing"
            ),
            {
                "e": environment, "i": intent.id, "part": row.part, "entity": entity, "s": stripe_id,
                "c": action.noted.get("customer", ""),
                "kind": row.kind, "currency": row.currency, "amount": row.amount, "product": row.product,
                "invoice": row.invoice, "items": list(row.items), "at": intent.since, "waits": row.waits,
            },
        )  # fmt: skip


def open_rows(connection: Connection, environment: str) -> list[OwedRow]:
    """Return the rows that nothing has closed yet, oldest first."""
    rows = connection.execute(
        text("select * from owed where environment = :e and closed_at is null order by since, intent_id, part"),
        {"e": environment},
    )
    return [
        OwedRow(
            r.intent_id, r.entity_id, r.stripe_id, r.customer, r.since,
            Owed(r.kind, r.currency, int(r.amount), tuple(r.items), r.product, r.invoice, r.removed, r.waits),
        )
        for r in rows
    ]  # fmt: skip


def used(connection: Connection, environment: str, customers: Collection[str]) -> set[str]:
    """Return what has closed rows of these customers."""
    rows = connection.execute(
        text("select closed_by from owed where environment = :e and customer = any(:c) and closed_at is not null"),
        {"e": environment, "c": list(customers)},
    )
    return {row.closed_by for row in rows}


def as_seen(connection: Connection, environment: str, row: OwedRow) -> None:
    """Keep the invoice of a row, and whether it waits for Stripe alone."""
    connection.execute(
        text("update owed set invoice = :inv, waits = :w where environment = :e and intent_id = :i and part = :part"),
        {"e": environment, "i": row.intent, "part": row.owed.part, "inv": row.owed.invoice, "w": row.owed.waits},
    )


def sold_after(connection: Connection, environment: str) -> dict[str, bool]:
    """Return the invoices that sold a period after the end, with whether their row is open."""
    rows = connection.execute(
        text(
            "select invoice, bool_or(closed_at is null) as is_open from owed "
            "where environment = :e and kind = 'sold_after' group by invoice"
        ),
        {"e": environment},
    )
    return {row.invoice: row.is_open for row in rows}


def looked_at(connection: Connection, environment: str, row: OwedRow, *, removed: bool) -> None:
    """Keep whether Stripe removed the items of a row with the cancellation; the first look stands."""
    connection.execute(
        text(
            "update owed set removed = :r where environment = :e and intent_id = :i and part = :part and removed is null"
        ),
        {"e": environment, "i": row.intent, "part": row.owed.part, "r": removed},
    )


def close(connection: Connection, environment: str, row: OwedRow, *, by: str, at: datetime) -> None:
    """Close a row."""
    connection.execute(
        text(
            "update owed set closed_at = :at, closed_by = :by where environment = :e and intent_id = :i and part = :part"
        ),
        {"e": environment, "i": row.intent, "part": row.owed.part, "by": by, "at": at},
    )
