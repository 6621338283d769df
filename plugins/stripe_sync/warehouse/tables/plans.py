"""Tables of plans, approvals, refused writes and declined payments."""

from __future__ import annotations

from sqlalchemy import TIMESTAMP, BigInteger, Column, ForeignKey, Table

from stripe_sync.warehouse.tables.base import (
    METADATA,
    code,
    counts,
    documents,
    flags,
    key,
    lists,
    moments,
    optional_moments,
    stamp,
    texts,
)

plan = Table(
    "plan",
    METADATA,
    *map(key, ("environment", "run_id")),
    *texts("hash"),
    Column("comparison_id", BigInteger, ForeignKey("comparison.id"), nullable=False),
    *moments("planned_at"),
    *documents("body", "verdicts", "unplanned"),
    stamp("stored_at"),
)

approval = Table(
    "approval",
    METADATA,
    key("environment"),
    code("hash"),
    Column("asked_at", TIMESTAMP(timezone=True), primary_key=True),
    *texts("lane", "group", "run_id", "plan_hash"),
    *lists("actions", "why"),
    *documents("due_now", "per_month"),
    *texts("state", default="waiting"),
    *moments("expires_at"),
    *optional_moments("decided_at"),
    *texts("decided_by", "reason", default=""),
    *documents("results", default="{}"),
)

failure = Table(
    "failure",
    METADATA,
    *map(key, ("environment", "target")),
    *texts("lane", "reason", "detail"),
    *texts("entity_kind", "entity_id", default=""),
    *counts("failures"),
    *optional_moments("until"),
    *moments("last_at"),
)

decline = Table(
    "decline",
    METADATA,
    *map(key, ("environment", "target")),
    *texts("entity_id", "kind", "wanted", "method", "invoice", "detail"),
    *moments("first_at", "last_at"),
    *counts("refusals"),
    *flags("is_freed"),
)
