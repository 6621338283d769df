"""Figures of usage across windows: Stripe's rounding differences, and the grace periods of drafts."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import Connection, select

from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.tables.usage import usage_invoice


def rounded(connection: Connection, environment: str) -> dict[str, Decimal]:
    """Return the amounts that Stripe billed less than the ledger because of rounding, minor units by currency; negative for more."""
    rows = run_sql(connection, "usage/rounded", environment=environment)
    return {row["currency"]: Decimal(row["minor"]) for row in rows}


def newest_grace(connection: Connection, environment: str) -> tuple[str, int] | None:
    """Return (invoice, seconds) of the newest renewal's draft that was seen before it was moved; the shortest of several."""
    of = usage_invoice.c
    query = select(of.invoice, of.grace).where(of.environment == environment, of.grace.is_not(None))
    row = connection.execute(query.order_by(of.created_at.desc(), of.grace).limit(1)).first()
    return (row.invoice, row.grace) if row else None
