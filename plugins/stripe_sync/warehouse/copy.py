"""Staging tables of a transaction, and COPY: the only module with SQL text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql
from sqlalchemy import Connection, FromClause, column, table, text

DONE = table("done", column("owner"))
DECIDED = tuple(
    table(
        side,
        *map(column, ("side", "kind", "key", "owner", "document", "entity_kind", "entity_id", "stripe_id", "facts")),
    )
    for side in ("wanted", "found")
)
_DECIDED_COLUMNS = (
    'side text, kind text, key text collate "C", owner text collate "C", document jsonb, entity_kind text, entity_id text, '
    "stripe_id text, facts jsonb"
)


def copy_rows(
    connection: Connection, target: FromClause, columns: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """COPY rows into a table. Values of ``columns`` that are JSON are given as text."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("copy {} ({}) from stdin").format(sql.Identifier(target.description), names)
    cursor = connection.connection.cursor()
    with cursor.copy(statement) as copied:
        for row in rows:
            copied.write_row(row)
    cursor.close()


def create_decided(connection: Connection) -> None:
    """Create the staging table of documents for this transaction, with a partition a side."""
    connection.execute(text(f"create temp table decided ({_DECIDED_COLUMNS}) partition by list (side) on commit drop"))
    for side in DECIDED:
        connection.execute(
            text(f"create temp table {side.name} partition of decided for values in ('{side.name}') on commit drop")
        )


def clear_decided(connection: Connection) -> None:
    """Empty the staging table of documents."""
    connection.execute(text("truncate decided"))


def create_done(connection: Connection) -> None:
    """Create the staging table of owners that were decided, for this transaction."""
    connection.execute(text('create temp table done (owner text collate "C" primary key) on commit drop'))


def analyze_compared(connection: Connection) -> None:
    """Give PostgreSQL figures of what was stored so far: without them it would read all of it for each part that comes.

    Their lock is kept to the end of the transaction: where another environment has it, its figures do.
    """
    connection.execute(text("analyze (skip_locked) document, difference, drift, judged"))
