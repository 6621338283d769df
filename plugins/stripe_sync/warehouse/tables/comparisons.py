"""Tables of comparisons and their results, of links, statuses and results of checks.

``owner`` is the link key of the customer or subscription that a row belongs to, empty for the catalog: the unit that is compared
again when one of its objects changes. ``valid_from`` and ``valid_to`` are ids of comparisons: a version is valid in the
comparisons from ``valid_from`` up to and without ``valid_to``, and still valid while ``valid_to`` is null.
"""

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

# Grain: one comparison of two complete snapshots. inputs: a hash of everything on which the result depends; decided_at: time
# of the last full comparison; seen, seen_in: the transactions whose links it knows. Key: id.
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

# Grain: one version of one canonical document of one side; valid in comparisons. Key: environment, side, kind, key,
# valid_from.
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

# Grain: one version of one key on which target and actual disagree, with both documents; valid in comparisons. Key:
# environment, kind, key where valid_to is null.
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

# Grain: one version of one drift row, with a sentence and an amount (minor units by currency); valid in comparisons. Key:
# environment, id where valid_to is null.
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

# Grain: one version of the status that a comparison gave to an entity that differs, regardless of later writes. Key:
# environment, kind, id where valid_to is null.
entity_status = Table(
    "entity_status",
    METADATA,
    *ids("environment", "id", "owner"),
    *numbers("valid_from"),
    Column("valid_to", BigInteger),
    *texts("kind", "status", "reason", "detail"),
    *optional_texts("stripe_id"),
)

# Grain: one Stigg id and Stripe id that belong together; an ended link is kept; changed_in: the transaction that made or
# ended it, by which a comparison finds the links that it has not seen. Key: id; unique: environment, key where ended_at is
# null.
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

# Grain: one Stigg entity and Stripe object that one side alone associates, as of the last run; for a person. Key:
# environment, key, stripe_id.
link_suggestion = Table(
    "link_suggestion", METADATA, *map(key, ("environment", "key", "stripe_id")), *texts("why", "run_id")
)

# Grain: one exempted object; its drift is shown as accepted and never planned. Key: environment, key.
ignored = Table(
    "ignored", METADATA, *map(key, ("environment", "key")), *texts("reason", "ignored_by"), stamp("ignored_at")
)

# Grain: one past object of the catalog that one subscription refers to. Key: environment, reference, owner.
catalog_reference = Table("catalog_reference", METADATA, *map(key, ("environment", "reference", "owner")))

# Grain: one subscription that is compared again at a time, although nothing of it changed. Key: environment, owner.
recheck = Table("recheck", METADATA, *map(key, ("environment", "owner")), *timestamps("recheck_at"))

# Grain: one customer or subscription with usage charges, or whose usage cannot be counted. Key: environment, owner.
usage_owner = Table("usage_owner", METADATA, *map(key, ("environment", "owner")))

# Grain: one Stigg entity as of its last run. Key: environment, kind, id.
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

# Grain: one change of the number of entities of one kind, status and reason by one statement; their sum is the number. Rows
# are only added, so that no writer waits for another; a full comparison counts again (drift/count_statuses.sql). Key: none.
status_count = Table(
    "status_count", METADATA, *ids("environment"), *texts("kind", "status", "reason"), *numbers("entities")
)

# Grain: one result of one suite on one content; a quiet run finds it here and imports no Great Expectations. Key:
# suite_hash, content.
check_result = Table(
    "check_result",
    METADATA,
    *map(code, ("suite_hash", "content")),
    *texts("suite"),
    *flags("passed"),
    *documents("detail"),
    stamp("checked_at"),
)
