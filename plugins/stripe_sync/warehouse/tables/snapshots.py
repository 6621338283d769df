"""Tables of mirrors, snapshots, and of how far each side was read."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Table

from stripe_sync.warehouse.tables.base import (
    METADATA,
    code,
    documents,
    flags,
    ids,
    key,
    lists,
    moments,
    numbers,
    serial,
    stamp,
    texts,
)

snapshot = Table(
    "snapshot",
    METADATA,
    serial(),
    *ids("environment", "run_id"),
    *texts("side"),
    *lists("kinds"),
    *flags("complete"),
    *moments("upper_bound"),
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

feed = Table("feed", METADATA, key("environment"), *texts("of_what"), *moments("cursor", "audited_at", "checked_at"))

seen_event = Table("seen_event", METADATA, *map(key, ("environment", "id")), *moments("created"))

own_answer = Table("own_answer", METADATA, *map(key, ("environment", "id")), code("kind"), *documents("body"))

stigg_read = Table("stigg_read", METADATA, key("environment"), *moments("cursor", "scanned_at", "audited_at"))
