"""Tables of usage: terms, windows, readings, entries, invoices and holds. All but invoices are append-only."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Integer, Numeric, Table, UniqueConstraint

from stripe_sync.warehouse.tables.columns import (
    METADATA,
    VIEWS,
    documents,
    flags,
    ids,
    key,
    lists,
    optional_documents,
    optional_texts,
    optional_timestamps,
    serial,
    texts,
    timestamps,
)

# Grain: the terms of a usage charge from a time on (null: it is closed); appended, never changed. Key: id; unique:
# environment, subscription, charge, since.
usage_terms = Table(
    "usage_terms",
    METADATA,
    serial(),
    *ids("environment", "subscription", "charge", "run_id"),
    *timestamps("since"),
    *optional_documents("terms"),
    *documents("measured"),
    *texts("why", default=""),
    UniqueConstraint("environment", "subscription", "charge", "since"),
)

# Grain: one window [start_at, end_at) of a charge; windows of one charge neither overlap nor leave a gap. Key: id; unique:
# environment, subscription, charge, start_at.
usage_window = Table(
    "usage_window",
    METADATA,
    serial(),
    *ids("environment", "subscription", "charge", "run_id"),
    Column("terms_id", BigInteger, ForeignKey("usage_terms.id"), nullable=False),
    *timestamps("start_at", "end_at"),
    *flags("settled", default="false"),
    UniqueConstraint("environment", "subscription", "charge", "start_at"),
)

# Grain: one reading of a window's quantity in Stigg; read_at is by the pipeline's clock. Key: id.
usage_reading = Table(
    "usage_reading",
    METADATA,
    serial(),
    Column("window_id", BigInteger, ForeignKey("usage_window.id"), nullable=False),
    Column("quantity", Numeric, nullable=False),
    *timestamps("read_at"),
    *ids("run_id"),
)

# Grain: one movement of quantity and amount (minor units) of a window between states; from_state is '' for a reading of
# Stigg. The transitions are those of domain/usage/ledger.py, which a test compares. Key: id.
usage_movement = Table(
    "usage_movement",
    METADATA,
    serial(),
    Column("window_id", BigInteger, ForeignKey("usage_window.id"), nullable=False),
    *texts("from_state", "to_state"),
    Column("quantity", Numeric, nullable=False),
    Column("amount", Numeric, nullable=False),
    *optional_texts("invoice"),
    *texts("reason", "person", default=""),
    *ids("run_id"),
    *timestamps("recorded_at"),
)

# Grain: one invoice of a subscription with usage, as it was last read; bound is the end of the windows that it bills; grace:
# seconds between a renewal's draft and its finalization, as first read; null where it was moved, or for other drafts. Key:
# environment, invoice.
usage_invoice = Table(
    "usage_invoice",
    METADATA,
    *map(key, ("environment", "invoice")),
    *ids("subscription"),
    *texts("status"),
    *timestamps("bound", "created_at"),
    *optional_timestamps("finalizes_at"),
    *flags("is_stale", default="false"),
    *documents("body"),
    Column("grace", Integer),
)

# Grain: one hold or release of a draft, by the pipeline or by a person; the newest of an invoice counts. causes: the
# conditions for its release; is_stop: auto_advance was switched off, else the time was moved. Key: id.
usage_hold = Table(
    "usage_hold",
    METADATA,
    serial(),
    *ids("environment", "invoice"),
    *flags("held"),
    *optional_timestamps("original", "until"),
    *texts("reason"),
    *texts("person", "run_id", default=""),
    *timestamps("at"),
    *lists("causes", default="{}"),
    *flags("is_stop", default="false"),
)

# A view: one window with its newest reading, its state and its balances.
usage_windows = Table(
    "usage_windows",
    VIEWS,
    Column("id", BigInteger),
    *optional_texts("environment", "subscription", "charge", "state", "invoice", "reason", "why"),
    *optional_timestamps("start_at", "end_at", "read_at"),
    *optional_documents("terms", "measured", "balances"),
    *flags("settled"),
    Column("quantity", Numeric),
)
