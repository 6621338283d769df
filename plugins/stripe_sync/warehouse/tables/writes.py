"""Tables of the journal, leases, pauses, the rate budget, and of amounts that writes left to a person."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Date, Double, ForeignKey, Numeric, Table, Text

from stripe_sync.warehouse.tables.columns import (
    METADATA,
    code,
    counts,
    documents,
    flags,
    ids,
    key,
    lists,
    numbers,
    optional_texts,
    optional_timestamps,
    serial,
    stamp,
    texts,
    timestamps,
)

journal_intent = Table(
    "journal_intent",
    METADATA,
    serial(),
    *ids("environment", "run_id", "target"),
    *texts("lane", "plan_hash", "action_hash", "kind"),
    *documents("action"),
    *numbers("epoch"),
    stamp("intended_at"),
)

journal_outcome = Table(
    "journal_outcome",
    METADATA,
    Column("intent_id", BigInteger, ForeignKey("journal_intent.id"), primary_key=True),
    *texts("result"),
    *optional_texts("stripe_id", "request_id", "idempotency_key"),
    *texts("reason", "detail", default=""),
    stamp("finished_at"),
)

journal_open = Table(
    "journal_open",
    METADATA,
    Column("intent_id", BigInteger, ForeignKey("journal_intent.id"), primary_key=True),
    *ids("environment", "run_id"),
    *texts("lane"),
)

lease = Table(
    "lease",
    METADATA,
    key("environment"),
    code("lane"),
    *texts("holder"),
    *numbers("epoch"),
    *timestamps("expires_at"),
)

lane_pause = Table(
    "lane_pause",
    METADATA,
    key("environment"),
    Column("lane", Text, primary_key=True, server_default=""),
    *texts("reason", "paused_by"),
    stamp("paused_at"),
)

lane_skip_count = Table(
    "lane_skip_count", METADATA, key("environment"), code("lane"), *texts("holder"), *counts("times")
)

rate_budget = Table(
    "rate_budget",
    METADATA,
    *map(code, ("account", "endpoint")),
    *timestamps("arrival"),
    Column("factor", Double(53), nullable=False, server_default="1"),
    *optional_timestamps("slowed_until"),
    prefixes=["UNLOGGED"],
)

read_count = Table(
    "read_count", METADATA, code("account"), Column("month", Date, primary_key=True), *numbers("reads", default="0")
)

owed = Table(
    "owed",
    METADATA,
    key("environment"),
    Column("intent_id", BigInteger, ForeignKey("journal_intent.id"), primary_key=True),
    code("part"),
    *texts("entity_id", "stripe_id", "customer", "kind", "currency"),
    Column("amount", Numeric, nullable=False),
    *optional_texts("product", "invoice"),
    *lists("items"),
    *timestamps("since"),
    Column("removed", Boolean),
    *optional_timestamps("closed_at"),
    *texts("closed_by", default=""),
    *flags("waits", default="false"),
)
