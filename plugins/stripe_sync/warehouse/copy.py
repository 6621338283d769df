"""Staging tables, and COPY: the only module with SQL text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from psycopg import sql
from sqlalchemy import Connection, TableClause, column, table, text
from sqlalchemy.dialects.postgresql import JSONB

from stripe_sync.warehouse.schema import schema_of
from stripe_sync.warehouse.tables.columns import SCHEMA
from stripe_sync.warehouse.tables.comparisons import difference, document, drift, entity_status
from stripe_sync.warehouse.tables.snapshots import mirror

DONE = table("done", column("owner"))
DECIDED = tuple(
    table(
        side,
        *map(column, ("side", "kind", "key", "owner", "document", "entity_kind", "entity_id", "stripe_id", "facts")),
    )
    for side in ("target", "actual")
)
_DECIDED_COLUMNS = (
    'side text, kind text, key text collate "C", owner text collate "C", document jsonb, entity_kind text, entity_id text, '
    "stripe_id text, facts jsonb"
)
_EXTRACTED_COLUMNS = '(kind text, id text collate "C", body jsonb, place bigint generated always as identity)'
_FINISHED_COLUMNS = "(list text not null, above bigint not null, upto bigint not null)"


def copy_rows(
    connection: Connection, target: TableClause, columns: Sequence[str], rows: Iterable[tuple[object, ...]]
) -> None:
    """COPY rows into a table. Values of ``columns`` that are JSON are given as text."""
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    statement = sql.SQL("copy {} ({}) from stdin").format(_name(connection, target), names)
    cursor = connection.connection.cursor()
    with cursor.copy(statement) as copied:
        for row in rows:
            copied.write_row(row)
    cursor.close()


def _name(connection: Connection, target: TableClause) -> sql.Identifier:
    if target.schema is None:
        return sql.Identifier(target.name)
    return sql.Identifier(schema_of(connection) if target.schema == SCHEMA else target.schema, target.name)


def extracted(schema: str) -> TableClause:
    """Return the staging table of an extract's rows."""
    return table("staged", *map(column, ("kind", "id", "place")), column("body", JSONB), schema=schema)


def finished_ranges(schema: str) -> TableClause:
    """Return the staging table of the ranges that an extract has read."""
    return table("finished", *map(column, ("list", "above", "upto")), schema=schema)


def create_extracted(connection: Connection, schema: str) -> None:
    """Create the staging tables of an extract in a schema of their own; those that are there stay with their rows."""
    quoted = _quoted(connection, schema)
    connection.execute(text(f"create schema if not exists {quoted}"))
    connection.execute(text(f"create unlogged table if not exists {quoted}.staged {_EXTRACTED_COLUMNS}"))
    connection.execute(text(f"create unlogged table if not exists {quoted}.finished {_FINISHED_COLUMNS}"))


def index_extracted(connection: Connection, schema: str) -> None:
    """Give the rows of an extract a key and figures: without them a join may be planned as one that rereads each row."""
    quoted = _quoted(connection, schema)
    connection.execute(text(f"alter table {quoted}.staged add primary key (kind, id)"))
    connection.execute(text(f"analyze {quoted}.staged"))


def drop_extracted(connection: Connection, schema: str) -> None:
    """Drop the staging tables of an extract with their schema, if they are there."""
    connection.execute(text(f"drop schema if exists {_quoted(connection, schema)} cascade"))


def analyze_mirror(connection: Connection) -> None:
    """Give PostgreSQL figures of the mirrors."""
    connection.execute(text(f"analyze {_own(connection, mirror)}"))


def _own(connection: Connection, target: TableClause) -> str:
    return f"{_quoted(connection, schema_of(connection))}.{target.name}"


def _quoted(connection: Connection, schema: str) -> str:
    return connection.dialect.identifier_preparer.quote_identifier(schema)


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
    names = ", ".join(_own(connection, each) for each in (document, difference, drift, entity_status))
    connection.execute(text(f"analyze (skip_locked) {names}"))
