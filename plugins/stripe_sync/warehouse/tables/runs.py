"""Tables of the warehouse itself, of runs, of accounts and of what people did."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Uuid, func, true

from stripe_sync.warehouse.tables.columns import METADATA, documents, ids, key, lists, serial, stamp, texts, timestamps

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
    *timestamps("started_at"),
    *documents("params", default="{}"),
    stamp("created_at"),
)

step = Table(
    "step",
    METADATA,
    *map(key, ("environment", "run_id", "step")),
    *documents("result"),
    stamp("finished_at"),
)

account = Table("account", METADATA, key("environment"), *texts("account", "key_digest"), *timestamps("proven_at"))

manual_action = Table(
    "manual_action",
    METADATA,
    serial(),
    *ids("environment", "subject"),
    *texts("command", "reason", "person"),
    *documents("detail", default="{}"),
    stamp("done_at"),
)

probe_answer = Table(
    "probe_answer",
    METADATA,
    serial(),
    *ids("environment"),
    *texts("question", "answer"),
    *texts("detail", default=""),
    *lists("request_ids", default="{}"),
    stamp("answered_at"),
)
