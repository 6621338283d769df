"""Tables of plans, approvals, refused writes and declined payments."""

from __future__ import annotations

from sqlalchemy import TIMESTAMP, BigInteger, Column, ForeignKey, Table, Text

from stripe_sync.warehouse.tables.columns import (
    METADATA,
    code,
    counts,
    documents,
    flags,
    key,
    lists,
    optional_timestamps,
    stamp,
    texts,
    timestamps,
)

# Grain: one plan as a run made it. Key: environment, run_id.
plan = Table(
    "plan",
    METADATA,
    *map(key, ("environment", "run_id")),
    *texts("hash"),
    Column("comparison_id", BigInteger, ForeignKey("comparison.id"), nullable=False),
    *timestamps("planned_at"),
    *documents("body", "guard_results", "unplanned"),
    stamp("stored_at"),
)

# Grain: one set of actions that needs approval; times are by the pipeline's clock. Key: environment, hash, requested_at.
approval = Table(
    "approval",
    METADATA,
    key("environment"),
    code("hash"),
    Column("requested_at", TIMESTAMP(timezone=True), primary_key=True),
    *texts("lane", "action_group", "run_id", "plan_hash"),
    *lists("actions", "why"),
    *documents("due_now", "per_month"),
    *texts("state", default="waiting"),
    *timestamps("expires_at"),
    *optional_timestamps("decided_at"),
    *texts("decided_by", "reason", default=""),
    *documents("results", default="{}"),
)

# Grain: one target whose write was refused repeatedly; it is skipped until a time of the pipeline's clock. Key: environment,
# target.
write_failure = Table(
    "write_failure",
    METADATA,
    *map(key, ("environment", "target")),
    *texts("lane", "reason", "detail"),
    *texts("entity_kind", "entity_id", default=""),
    *counts("failures"),
    *optional_timestamps("until"),
    *timestamps("last_at"),
)

# Grain: one target whose last charging write was declined; deleted when such a write is made. Key: environment, target.
payment_decline = Table(
    "payment_decline",
    METADATA,
    *map(key, ("environment", "target")),
    *texts("entity_id", "kind", "method", "invoice", "detail"),
    Column("wanted", Text, nullable=False, key="requested"),  # the field of a Decline
    *timestamps("first_at", "last_at"),
    *counts("refusals"),
    *flags("is_freed"),
)
