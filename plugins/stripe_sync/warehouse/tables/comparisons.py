"""Tables of comparisons and of what they came to, of links, statuses and results of checks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, FetchedValue, ForeignKey, Table, Text, func

from stripe_sync.warehouse.tables.base import (
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
    moments,
    numbers,
    optional_documents,
    optional_moments,
    optional_texts,
    serial,
    stamp,
    texts,
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
    *optional_moments("decided_at"),
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
    *optional_documents("wanted", "found", "wanted_facts", "found_facts"),
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
    *optional_moments("since"),
)

judged = Table(
    "judged",
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
    *optional_moments("ended_at"),
    *texts("ended_by", default=""),
    # Generated from the key; the catalog test has its expression.
    Column("owner", Text(collation="C"), FetchedValue()),
    Column("changed_in", TransactionId, nullable=False, server_default=func.pg_current_xact_id()),
)

candidate = Table("candidate", METADATA, *map(key, ("environment", "key", "stripe_id")), *texts("why", "run_id"))

ignored = Table(
    "ignored", METADATA, *map(key, ("environment", "key")), *texts("reason", "ignored_by"), stamp("ignored_at")
)

need = Table("need", METADATA, *map(key, ("environment", "what", "owner")))

wake = Table("wake", METADATA, *map(key, ("environment", "owner")), *moments("at"))

bills_use = Table("bills_use", METADATA, *map(key, ("environment", "owner")))

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

status_tally = Table(
    "status_tally", METADATA, *ids("environment"), *texts("kind", "status", "reason"), *numbers("entities")
)

verdict = Table(
    "verdict",
    METADATA,
    *map(code, ("suite_hash", "content")),
    *texts("suite"),
    *flags("passed"),
    *documents("detail"),
    stamp("judged_at"),
)
