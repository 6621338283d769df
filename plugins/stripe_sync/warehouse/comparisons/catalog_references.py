"""References to superseded catalog versions, recheck times and usage charges, by customer and subscription."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, exists, insert, select

from stripe_sync.warehouse.copy import DONE
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.snapshots.families import Members, of_owners
from stripe_sync.warehouse.tables.columns import is_among
from stripe_sync.warehouse.tables.comparisons import catalog_reference, recheck, usage_owner

TABLES = (catalog_reference, recheck, usage_owner)


def needed(connection: Connection, environment: str) -> frozenset[str]:
    """Return the superseded catalog versions that any customer or subscription references."""
    return frozenset(row["reference"] for row in run_sql(connection, "families/needed", environment=environment))


def remember(
    connection: Connection,
    environment: str,
    owners: Collection[str],
    *,
    references: Iterable[tuple[str, str]],
    rechecks: Iterable[tuple[str, datetime]],
    bill_use: Collection[str],
) -> None:
    """Replace the references and recheck times (UTC) of these owners; ``bill_use`` are those with usage charges."""
    of_these = list(owners)
    for table in TABLES:
        connection.execute(delete(table).where(table.c.environment == environment, is_among(table.c.owner, of_these)))
    rows = [
        {"environment": environment, "owner": owner, "reference": reference} for owner, reference in set(references)
    ]
    timers = [{"environment": environment, "owner": owner, "recheck_at": at} for owner, at in rechecks]
    users = [{"environment": environment, "owner": owner} for owner in sorted(bill_use)]
    for table, given in ((catalog_reference, rows), (recheck, timers), (usage_owner, users)):
        if given:
            connection.execute(insert(table), [*given])


def bill_use(connection: Connection, environment: str) -> Members:
    """Return the customers and subscriptions with usage charges, or with usage that cannot be counted."""
    return of_owners(
        connection.execute(select(usage_owner.c.owner).where(usage_owner.c.environment == environment)).scalars()
    )


def forget_absent(connection: Connection, environment: str) -> None:
    """Delete the rows of owners that no longer exist, after a full comparison."""
    for table in TABLES:
        is_done = exists().where(DONE.c.owner == table.c.owner)
        connection.execute(delete(table).where(table.c.environment == environment, ~is_done))


def to_end(connection: Connection, environment: str) -> Members:
    """Return those whose subscription the newest comparison wants canceled in Stripe, and that is not canceled there yet."""
    return of_owners(row["owner"] for row in run_sql(connection, "drift/to_end", environment=environment))
