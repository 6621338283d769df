"""The tables that scripts and notebooks read as DataFrames: one SQL file each, with the types of its columns."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import overload

import pandas as pd
from sqlalchemy import Connection, Engine, column, select

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.reporting.currencies import CURRENCIES
from stripe_sync.reporting.frame_types import Columns, ColumnType, currency_type, typed_frame
from stripe_sync.warehouse.engine import opened, statement
from stripe_sync.warehouse.schema import schema_of

CHUNK = 50_000  # rows that are held in memory at once


@dataclass(frozen=True)
class Dataset:
    """A table: its SQL file and its columns in order."""

    sql: str
    columns: Columns


DRIFT = Dataset(
    "frames/drift",
    {
        "drift_id": ColumnType.ID,
        "kind": ColumnType.TEXT,
        "entity_kind": ColumnType.TEXT,
        "entity_id": ColumnType.ID,
        "stripe_id": ColumnType.ID,
        "plan": ColumnType.ID,
        "state": ColumnType.TEXT,
        "field": ColumnType.TEXT,
        "severity": ColumnType.TEXT,
        "reason": ColumnType.TEXT,
        "sentence": ColumnType.TEXT,
        "is_accepted": ColumnType.FLAG,
        "since": ColumnType.TIME,
        "currency": ColumnType.CURRENCY,
        "monthly_amount": ColumnType.DECIMAL,
    },
)
USAGE_LEDGER = Dataset(
    "frames/usage_ledger",
    {
        "window_id": ColumnType.ID,
        "subscription": ColumnType.ID,
        "stripe_subscription": ColumnType.ID,
        "customer": ColumnType.ID,
        "feature": ColumnType.ID,
        "start_at": ColumnType.TIME,
        "end_at": ColumnType.TIME,
        "state": ColumnType.TEXT,
        "quantity": ColumnType.DECIMAL,
        "currency": ColumnType.CURRENCY,
        "amount": ColumnType.DECIMAL,
        "invoice": ColumnType.ID,
        "reason": ColumnType.TEXT,
        "read_at": ColumnType.TIME,
    },
)
USAGE_MOVEMENTS = Dataset(
    "frames/usage_movements",
    {
        "movement_id": ColumnType.ID,
        "window_id": ColumnType.ID,
        "subscription": ColumnType.ID,
        "feature": ColumnType.ID,
        "from_state": ColumnType.TEXT,
        "to_state": ColumnType.TEXT,
        "quantity": ColumnType.DECIMAL,
        "currency": ColumnType.CURRENCY,
        "amount": ColumnType.DECIMAL,
        "invoice": ColumnType.ID,
        "reason": ColumnType.TEXT,
        "recorded_at": ColumnType.TIME,
    },
)
INVOICE_AUDIT = Dataset(
    "frames/invoice_audit",
    {
        "month": ColumnType.TIME,
        "line": ColumnType.COUNT,
        "invoice": ColumnType.ID,
        "subscription": ColumnType.ID,
        "status": ColumnType.TEXT,
        "currency": ColumnType.CURRENCY,
        "expected": ColumnType.MINOR,
        "invoiced": ColumnType.MINOR,
        "rounding": ColumnType.MINOR,
        "difference": ColumnType.MINOR,
        "missing_windows": ColumnType.COUNT,
        "total": ColumnType.MINOR,
        "balance": ColumnType.MINOR,
        "due": ColumnType.MINOR,
        "audited_at": ColumnType.TIME,
    },
)
STATUSES = Dataset(
    "frames/statuses",
    {
        "kind": ColumnType.TEXT,
        "id": ColumnType.ID,
        "status": ColumnType.TEXT,
        "reason": ColumnType.TEXT,
        "detail": ColumnType.TEXT,
        "stripe_id": ColumnType.ID,
        "changed_at": ColumnType.TIME,
    },
)
PLANS = Dataset(
    "frames/plans",
    {
        "plan": ColumnType.ID,
        "run_id": ColumnType.ID,
        "planned_at": ColumnType.TIME,
        "number": ColumnType.COUNT,
        "lane": ColumnType.TEXT,
        "kind": ColumnType.TEXT,
        "target": ColumnType.ID,
        "entity_kind": ColumnType.TEXT,
        "entity_id": ColumnType.ID,
        "sentence": ColumnType.TEXT,
        "decision": ColumnType.TEXT,
        "result": ColumnType.TEXT,
        "currency": ColumnType.CURRENCY,
        "due_now": ColumnType.DECIMAL,
        "monthly_amount": ColumnType.DECIMAL,
    },
)


@dataclass(frozen=True)
class TableReader:
    """Reads one table of an environment: a DataFrame, or with ``chunks`` DataFrames of at most so many rows."""

    engine: Engine
    environment: str
    dataset: Dataset

    @overload
    def __call__(self) -> pd.DataFrame: ...
    @overload
    def __call__(self, *, chunks: int) -> Iterator[pd.DataFrame]: ...
    def __call__(self, *, chunks: int | None = None) -> pd.DataFrame | Iterator[pd.DataFrame]:
        """Return the table with the types of its dataset. Raises ConfigurationError for chunks of less than one row."""
        if chunks is None:
            return pd.concat(read_chunks(self.engine, self.dataset, self.environment), ignore_index=True)
        if chunks < 1:
            raise ConfigurationError(f"A chunk of {chunks} rows cannot be read; set chunks to 1 or more.")
        return read_chunks(self.engine, self.dataset, self.environment, rows=chunks)


def read_chunks(engine: Engine, dataset: Dataset, environment: str, *, rows: int = CHUNK) -> Iterator[pd.DataFrame]:
    """Yield a table of an environment in DataFrames of at most so many rows, one of none if the table is empty.

    All are read in one transaction, which is open until the last one was read or the iterator is closed.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        yield from chunks_in(connection, dataset, environment, rows=rows)


def chunks_in(
    connection: Connection, dataset: Dataset, environment: str, *, rows: int = CHUNK
) -> Iterator[pd.DataFrame]:
    """Yield the same in a transaction that is open already; currencies have the same type in each chunk."""
    currencies = currency_type(currencies_of(connection, dataset, environment))
    _, lines = opened(connection, dataset.sql, environment=environment)
    is_first = True
    while (chunk := list(islice(lines, rows))) or is_first:
        yield typed_frame(chunk, dataset.columns, currencies=currencies)
        is_first = False


def currencies_of(connection: Connection, dataset: Dataset, environment: str) -> list[str]:
    """Return the currencies of a table that Stripe's list does not have, in order; none for a table without currencies."""
    if "currency" not in dataset.columns:
        return []
    code = statement(dataset.sql, schema_of(connection)).columns(column("currency")).subquery().c.currency
    query = select(code).where(code.not_in(CURRENCIES)).distinct().order_by(code)
    return list(connection.execute(query, {"environment": environment}).scalars())
