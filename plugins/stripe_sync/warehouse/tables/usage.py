"""Tables of usage: openings, windows, readings, entries, invoices and holds. All but invoices are append-only."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Integer,
    Numeric,
    Table,
    Text,
    UniqueConstraint,
    column,
    table,
)

from stripe_sync.warehouse.tables.base import (
    METADATA,
    documents,
    flags,
    ids,
    key,
    lists,
    moments,
    optional_documents,
    optional_moments,
    optional_texts,
    serial,
    texts,
)

usage_opening = Table(
    "usage_opening",
    METADATA,
    serial(),
    *ids("environment", "subscription", "charge", "run_id"),
    *moments("since"),
    *optional_documents("terms"),
    *documents("measured"),
    *texts("why", default=""),
    UniqueConstraint("environment", "subscription", "charge", "since"),
)

usage_window = Table(
    "usage_window",
    METADATA,
    serial(),
    *ids("environment", "subscription", "charge", "run_id"),
    Column("opening_id", BigInteger, ForeignKey("usage_opening.id"), nullable=False),
    *moments("start_at", "end_at"),
    *flags("settled", default="false"),
    UniqueConstraint("environment", "subscription", "charge", "start_at"),
)

usage_reading = Table(
    "usage_reading",
    METADATA,
    serial(),
    Column("window_id", BigInteger, ForeignKey("usage_window.id"), nullable=False),
    Column("quantity", Numeric, nullable=False),
    *moments("read_at"),
    *ids("run_id"),
)

usage_entry = Table(
    "usage_entry",
    METADATA,
    serial(),
    Column("window_id", BigInteger, ForeignKey("usage_window.id"), nullable=False),
    *texts("from_state", "to_state"),
    Column("quantity", Numeric, nullable=False),
    Column("amount", Numeric, nullable=False),
    *optional_texts("invoice"),
    *texts("reason", "person", default=""),
    *ids("run_id"),
    *moments("moved_at"),
)

usage_invoice = Table(
    "usage_invoice",
    METADATA,
    *map(key, ("environment", "invoice")),
    *ids("subscription"),
    *texts("status"),
    *moments("bound", "created_at"),
    *optional_moments("finalizes_at"),
    *flags("look_again", default="false"),
    *documents("body"),
    Column("grace", Integer),
)

usage_hold = Table(
    "usage_hold",
    METADATA,
    serial(),
    *ids("environment", "invoice"),
    *flags("held"),
    *optional_moments("original", "until"),
    *texts("reason"),
    *texts("person", "run_id", default=""),
    *moments("at"),
    *lists("causes", default="{}"),
    *flags("is_stop", default="false"),
)

# A view: one window with its newest reading, its state and its balances.
usage_windows = table(
    "usage_windows",
    *(column(name, BigInteger) for name in ("id",)),
    *(column(name, Text) for name in ("environment", "subscription", "charge", "state", "invoice", "reason", "why")),
    *(column(name) for name in ("start_at", "end_at", "read_at", "quantity", "terms", "measured", "balances")),
    column("settled", Boolean),
)
