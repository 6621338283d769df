"""Tables of the warehouse itself, of runs, of accounts and of what people did."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Uuid, func, true

from stripe_sync.warehouse.tables.base import METADATA, documents, ids, key, lists, moments, serial, stamp, texts

warehouse = Table(
    "warehouse",
    METADATA,
    Column("only_row", Boolean, primary_key=True, server_default=true()),
    Column("id", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    stamp("created_at"),
)

run = Table(
    "run",
    METADATA,
    *map(key, ("environment", "run_id")),
    *moments("started_at"),
    *documents("params", default="{}"),
    stamp("created_at"),
)

station = Table(
    "station",
    METADATA,
    *map(key, ("environment", "run_id", "station")),
    *documents("result"),
    stamp("finished_at"),
)

account = Table("account", METADATA, key("environment"), *texts("account", "key_digest"), *moments("proven_at"))

hand = Table(
    "hand",
    METADATA,
    serial(),
    *ids("environment", "subject"),
    *texts("command", "reason", "person"),
    *documents("detail", default="{}"),
    stamp("done_at"),
)

answer = Table(
    "answer",
    METADATA,
    serial(),
    *ids("environment"),
    *texts("question", "answer"),
    *texts("detail", default=""),
    *lists("request_ids", default="{}"),
    stamp("answered_at"),
)
