"""Tables of mirrors, snapshots, and of how far each side was read.

``valid_from`` and ``valid_to`` of the mirror are values of ``snapshot.content_id``, the latter excluded; null: still valid.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table

from stripe_sync.warehouse.tables.columns import (
    METADATA,
    code,
    documents,
    flags,
    ids,
    key,
    lists,
    numbers,
    serial,
    stamp,
    texts,
    timestamps,
)

# Grain: one closed extract of one side; content_id names the last snapshot that changed anything. Key: id.
snapshot = Table(
    "snapshot",
    METADATA,
    serial(),
    *ids("environment", "run_id"),
    *texts("side"),
    *lists("kinds"),
    *flags("complete"),
    *timestamps("upper_bound"),
    *documents("counts"),
    *numbers("content_id"),
    stamp("closed_at"),
)

# Grain: one version of one object; valid in snapshots. Key: environment, side, kind, id, valid_from.
mirror = Table(
    "mirror",
    METADATA,
    *map(key, ("environment", "id")),
    *map(code, ("side", "kind")),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger),
    *documents("body"),
)

# Grain: the position of one environment in Stripe's event feed; times are by the pipeline's clock. Key: environment.
stripe_cursor = Table(
    "stripe_cursor", METADATA, key("environment"), *texts("of_what"), *timestamps("cursor", "audited_at", "checked_at")
)

# Grain: one event that was applied; kept as long as the feed's windows overlap. Key: environment, id.
seen_event = Table("seen_event", METADATA, *map(key, ("environment", "id")), *timestamps("created"))

# Grain: one object as the answer to our last write showed it; until an extract has read it. Key: environment, kind, id.
write_answer = Table("write_answer", METADATA, *map(key, ("environment", "id")), code("kind"), *documents("body"))

# Grain: the position of one environment in Stigg's feed; times are by the pipeline's clock. Key: environment.
stigg_cursor = Table("stigg_cursor", METADATA, key("environment"), *timestamps("cursor", "scanned_at", "audited_at"))
