"""Tables of comparisons and of what they came to, of links, statuses and results of checks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, FetchedValue, ForeignKey, Table, Text, func

from stripe_sync.warehouse.tables.columns import (
    METADATA,
    TransactionId,
    VisibleTransactions,
    code,
    counts,
    documents,
    flags,
    ids,
    key,
    lists,
    numbers,
    optional_documents,
    optional_texts,
    optional_timestamps,
    serial,
    stamp,
    texts,
    timestamps,
)

comparison = Table(
    "comparison",
    METADATA,
    serial(),
    *ids("environment", "run_id"),
    Column("stigg_snapshot", BigInteger, ForeignKey("snapshot.id"), nullable=False),
    Column("stripe_snapshot", BigInteger, ForeignKey("snapshot.id"), nullable=False),
    *counts("canon_version"),
    *documents("counts", default="{}"),
    stamp("created_at"),
    *texts("inputs", default=""),
    *optional_timestamps("decided_at"),
    Column("seen", VisibleTransactions),
    Column("seen_in", TransactionId),
)

document = Table(
    "document",
    METADATA,
    *map(key, ("environment", "key")),
    *map(code, ("side", "kind")),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger),
    *ids("owner"),
    *documents("document", "facts"),
    *optional_texts("entity_kind", "entity_id", "stripe_id"),
)

difference = Table(
    "difference",
    METADATA,
    *ids("environment", "key", "owner"),
    *numbers("valid_from"),
    Column("valid_to", BigInteger),
    *texts("kind"),
    *optional_documents("target", "actual", "target_facts", "actual_facts"),
    *optional_texts("entity_kind", "entity_id", "stripe_id"),
    *lists("fields"),
)

drift = Table(
    "drift",
    METADATA,
    *ids("environment", "key", "owner"),
    *numbers("valid_from"),
    Column("valid_to", BigInteger),
    *texts("id", "kind", "state", "field", "severity", "sentence"),
    *texts("stripe_url", "stigg_url", default=""),
    *optional_texts("entity_kind", "entity_id", "stripe_id"),
    *optional_documents("before", "after"),
    *documents("per_month"),
    *flags("accepted", default="false"),
    *optional_timestamps("since"),
)

entity_status = Table(
    "entity_status",
    METADATA,
    *ids("environment", "id", "owner"),
    *numbers("valid_from"),
    Column("valid_to", BigInteger),
    *texts("kind", "status", "reason", "detail"),
    *optional_texts("stripe_id"),
)

link = Table(
    "link",
    METADATA,
    serial(),
    *ids("environment", "key", "stripe_id"),
    *texts("source"),
    stamp("created_at"),
    *optional_timestamps("ended_at"),
    *texts("ended_by", default=""),
    # Generated from the key; the catalog test has its expression.
    Column("owner", Text(collation="C"), FetchedValue()),
    Column("changed_in", TransactionId, nullable=False, server_default=func.pg_current_xact_id()),
)

link_suggestion = Table(
    "link_suggestion", METADATA, *map(key, ("environment", "key", "stripe_id")), *texts("why", "run_id")
)

ignored = Table(
    "ignored", METADATA, *map(key, ("environment", "key")), *texts("reason", "ignored_by"), stamp("ignored_at")
)

catalog_reference = Table("catalog_reference", METADATA, *map(key, ("environment", "reference", "owner")))

recheck = Table("recheck", METADATA, *map(key, ("environment", "owner")), *timestamps("recheck_at"))

usage_owner = Table("usage_owner", METADATA, *map(key, ("environment", "owner")))

status = Table(
    "status",
    METADATA,
    *map(key, ("environment", "id")),
    code("kind"),
    *texts("status", "run_id"),
    *texts("reason", "detail", default=""),
    *optional_texts("stripe_id"),
    stamp("changed_at"),
)

status_count = Table(
    "status_count", METADATA, *ids("environment"), *texts("kind", "status", "reason"), *numbers("entities")
)

check_result = Table(
    "check_result",
    METADATA,
    *map(code, ("suite_hash", "content")),
    *texts("suite"),
    *flags("passed"),
    *documents("detail"),
    stamp("checked_at"),
)
