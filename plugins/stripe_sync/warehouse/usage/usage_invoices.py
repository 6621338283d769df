"""Invoices of usage as they were last seen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, literal, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.windows import Window
from stripe_sync.warehouse.tables.columns import is_among
from stripe_sync.warehouse.tables.usage import usage_invoice

of = usage_invoice.c
FIELDS = [of[field.name] for field in fields(Invoice)]
KEPT = ("covered", "unowed")  # keys of the body that the next reading of the invoice does not give


def see(connection: Connection, environment: str, seen: Invoice, *, grace: int | None = None) -> None:
    """Store an invoice as it is now. ``grace`` is the time in seconds that a draft waits which was not moved; the first one is kept."""
    row = insert(usage_invoice).values(
        environment=environment,
        invoice=seen.invoice,
        subscription=seen.subscription,
        status=seen.status,
        bound=seen.bound,
        created_at=seen.created_at,
        finalizes_at=seen.finalizes_at,
        body=seen.body,
        grace=grace,
    )
    pairs = [part for name in KEPT for part in (literal(name), of.body[name])]
    kept = func.jsonb_strip_nulls(func.jsonb_build_object(*pairs), type_=JSONB)
    connection.execute(
        row.on_conflict_do_update(
            index_elements=[of.environment, of.invoice],
            set_={
                "status": row.excluded.status,
                "finalizes_at": row.excluded.finalizes_at,
                of.is_stale: False,
                "body": kept.concat(row.excluded.body),
                "grace": func.coalesce(of.grace, row.excluded.grace),
            },
        )
    )


def may_bill(
    connection: Connection, environment: str, windows: Iterable[Window], *, also: Iterable[str] = ()
) -> list[Invoice]:
    """Return the invoices that may bill some windows, and the drafts of the subscriptions ``also``, in order of their bounds."""
    given = list(windows)
    may = [and_(is_among(of.subscription, list(also)), of.status == "draft")]
    if given:
        since = min(w.end for w in given)
        may.append(and_(is_among(of.subscription, {w.subscription for w in given}), of.bound >= since))
    return _select(connection, environment, or_(*may), order=(of.bound, of.created_at))


def bounds(connection: Connection, environment: str, *, since: datetime) -> dict[str, set[datetime]]:
    """Return the moments of the renewals whose invoices were seen, by subscription."""
    rows = connection.execute(select(of.subscription, of.bound).where(of.environment == environment, of.bound >= since))
    found: dict[str, set[datetime]] = defaultdict(set)
    for row in rows:
        found[row.subscription].add(row.bound)
    return found


def by_id(connection: Connection, environment: str, id: str) -> Invoice | None:
    """Return one invoice as it was last seen."""
    return next(iter(_select(connection, environment, of.invoice == id)), None)


def request_refresh(connection: Connection, environment: str, invoices: Iterable[str]) -> None:
    """Note invoices that were changed in Stripe after finalization; the next run reads them."""
    is_one = is_among(of.invoice, list(invoices))
    connection.execute(update(usage_invoice).where(of.environment == environment, is_one).values(is_stale=True))


def drafts_of(connection: Connection, environment: str, subscriptions: Iterable[str]) -> list[Invoice]:
    """Return the drafts of some subscriptions that were seen before."""
    return _select(connection, environment, of.status == "draft", is_among(of.subscription, list(subscriptions)))


def of_subscriptions(connection: Connection, environment: str, subscriptions: Iterable[str]) -> list[Invoice]:
    """Return the invoices of some subscriptions that were seen before."""
    return _select(connection, environment, is_among(of.subscription, list(subscriptions)))


def set_unowed(connection: Connection, environment: str, invoices: Iterable[str], *, is_unowed: bool = True) -> None:
    """Note that invoices sell a period after the end of their subscription, where nothing more is billed on them, or not."""
    body = of.body.concat(func.jsonb_build_object(literal("unowed"), is_unowed))
    is_one = is_among(of.invoice, list(invoices))
    connection.execute(update(usage_invoice).where(of.environment == environment, is_one).values(body=body))


def unowed_drafts(connection: Connection, environment: str) -> list[Invoice]:
    """Return the drafts on which nothing is billed because they sell a period after an end."""
    return _select(connection, environment, of.status == "draft", of.body.contains({"unowed": True}))


def to_read_again(connection: Connection, environment: str, *, now: datetime) -> list[Invoice]:
    """Return the invoices to read again: drafts whose time has come, and those that others changed."""
    is_due = and_(of.status == "draft", of.finalizes_at <= now)
    return _select(connection, environment, or_(of.is_stale, is_due))


def drafts_in(connection: Connection, environment: str, ids: Iterable[str]) -> list[Invoice]:
    """Return the drafts among some invoices, as they were last seen."""
    is_one = is_among(of.invoice, list(ids))
    return _select(connection, environment, of.status == "draft", is_one, order=(of.bound, of.invoice))


def set_finalization(connection: Connection, environment: str, invoice: str, moment: datetime | None) -> None:
    """Store when a draft is finalized, after its time was moved."""
    is_it = and_(of.environment == environment, of.invoice == invoice)
    connection.execute(update(usage_invoice).where(is_it).values(finalizes_at=moment))


def _select(
    connection: Connection,
    environment: str,
    *conditions: ColumnElement[bool],
    order: tuple[ColumnElement[datetime] | ColumnElement[str], ...] = (of.bound,),
) -> list[Invoice]:
    query = select(*FIELDS).where(of.environment == environment, *conditions).order_by(*order)
    return [Invoice(**row._asdict()) for row in connection.execute(query)]
