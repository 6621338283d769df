"""Tables of mirrors, snapshots, and of how far each side was read."""

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

mirror = Table(
    "mirror",
    METADATA,
    *map(key, ("environment", "id")),
    *map(code, ("side", "kind")),
    Column("valid_from", BigInteger, primary_key=True, autoincrement=False),
    Column("valid_to", BigInteger),
    *documents("body"),
)

stripe_cursor = Table(
    "stripe_cursor", METADATA, key("environment"), *texts("of_what"), *timestamps("cursor", "audited_at", "checked_at")
)

seen_event = Table("seen_event", METADATA, *map(key, ("environment", "id")), *timestamps("created"))

write_answer = Table("write_answer", METADATA, *map(key, ("environment", "id")), code("kind"), *documents("body"))

stigg_cursor = Table("stigg_cursor", METADATA, key("environment"), *timestamps("cursor", "scanned_at", "audited_at"))
