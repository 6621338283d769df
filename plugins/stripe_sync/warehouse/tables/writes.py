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

# Grain: one intended write, committed before its call; append-only. Key: id.
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

# Grain: the one outcome of one intent; append-only. Key: intent_id.
journal_outcome = Table(
    "journal_outcome",
    METADATA,
    Column("intent_id", BigInteger, ForeignKey("journal_intent.id"), primary_key=True),
    *texts("result"),
    *optional_texts("stripe_id", "request_id", "idempotency_key"),
    *texts("reason", "detail", default=""),
    stamp("finished_at"),
)

# Grain: one intent without an outcome; kept by the triggers of the journal, so that open intents are found in a long one.
# Key: intent_id.
journal_open = Table(
    "journal_open",
    METADATA,
    Column("intent_id", BigInteger, ForeignKey("journal_intent.id"), primary_key=True),
    *ids("environment", "run_id"),
    *texts("lane"),
)

# Grain: one lane; epoch rises with every new holder. Key: environment, lane.
lease = Table(
    "lease",
    METADATA,
    key("environment"),
    code("lane"),
    *texts("holder"),
    *numbers("epoch"),
    *timestamps("expires_at"),
)

# Grain: one paused lane; lane '' is all lanes. Key: environment, lane.
lane_pause = Table(
    "lane_pause",
    METADATA,
    key("environment"),
    Column("lane", Text, primary_key=True, server_default=""),
    *texts("reason", "paused_by"),
    stamp("paused_at"),
)

# Grain: one lane that runs skipped because another run held it; deleted when the lane is held again. Key: environment, lane.
lane_skip_count = Table(
    "lane_skip_count", METADATA, key("environment"), code("lane"), *texts("holder"), *counts("times")
)

# Grain: one rate limit of one account; arrival is when its next request may start (GCRA). Worthless after a crash. factor
# holds until slowed_until, after a 429. Key: account, endpoint.
rate_budget = Table(
    "rate_budget",
    METADATA,
    *map(code, ("account", "endpoint")),
    *timestamps("arrival"),
    Column("factor", Double(53), nullable=False, server_default="1"),
    *optional_timestamps("slowed_until"),
    prefixes=["UNLOGGED"],
)

# Grain: one account and month; reads that count against Stripe's allocation. Key: account, month.
read_count = Table(
    "read_count", METADATA, code("account"), Column("month", Date, primary_key=True), *numbers("reads", default="0")
)

# Grain: one amount that a write left to a person: a credit to be given, a pending charge to be billed, a renewal that sold
# time after the end, an invoice that is not collected any more; minor units. While it waits, no action is needed. Key:
# environment, intent_id, part.
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
