"""What is kept of each customer and subscription besides documents: what of the catalog's past they need, when they have to be
decided again, whether their use is billed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, text

from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.snapshots.families import Members, of_owners

TABLES = ("need", "wake", "bills_use")


def needed(connection: Connection, environment: str) -> frozenset[str]:
    """What of the catalog's past somebody needs."""
    return frozenset(row["what"] for row in run_sql(connection, "families/needed", environment=environment))


def remember(
    connection: Connection,
    environment: str,
    owners: Collection[str],
    *,
    needs: Iterable[tuple[str, str]],
    wakes: Iterable[tuple[str, datetime]],
    bill_use: Collection[str],
) -> None:
    """Keeps of these owners what they need, when time alone may decide something else about them, and who bills use."""
    about = {"e": environment, "owners": list(owners)}
    for table in TABLES:
        connection.execute(text(f"delete from {table} where environment = :e and owner = any(:owners)"), about)
    rows = [{"e": environment, "owner": owner, "what": what} for owner, what in set(needs)]
    if rows:
        connection.execute(text("insert into need (environment, owner, what) values (:e, :owner, :what)"), rows)
    moments = [{"e": environment, "owner": owner, "at": at} for owner, at in wakes]
    if moments:
        connection.execute(text("insert into wake (environment, owner, at) values (:e, :owner, :at)"), moments)
    if bill_use:
        connection.execute(
            text("insert into bills_use (environment, owner) select :e, unnest(cast(:owners as text[]))"),
            {"e": environment, "owners": sorted(bill_use)},
        )


def bill_use(connection: Connection, environment: str) -> Members:
    """Whose use is billed, or cannot be counted, as the newest comparison came to it."""
    return of_owners(
        connection.execute(text("select owner from bills_use where environment = :e"), {"e": environment}).scalars()
    )


def forget_absent(connection: Connection, environment: str) -> None:
    """Forgets what was kept of everybody who is no more, after everybody was decided."""
    for table in TABLES:
        connection.execute(
            text(
                f"delete from {table} as t where t.environment = :e and not exists "
                "(select 1 from done where done.owner = t.owner)"
            ),
            {"e": environment},
        )


def to_end(connection: Connection, environment: str) -> Members:
    """Return those whose subscription the newest comparison wants canceled in Stripe, and that is not canceled there yet."""
    return of_owners(
        connection.execute(
            text(
                "select owner from difference where environment = :e and valid_to is null and kind = 'subscription' "
                "and wanted ->> 'status' = 'canceled'"
            ),
            {"e": environment},
        ).scalars()
    )
