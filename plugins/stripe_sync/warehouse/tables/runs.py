"""Tables of the warehouse itself, of runs, of accounts and of what people did."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Table, Uuid, func, true

from stripe_sync.warehouse.tables.columns import METADATA, documents, ids, key, lists, serial, stamp, texts, timestamps

# Grain: the identity of this warehouse (part of idempotency keys). Key: only_row.
warehouse = Table(
    "warehouse",
    METADATA,
    Column("only_row", Boolean, primary_key=True, server_default=true()),
    Column("id", Uuid, nullable=False, server_default=func.gen_random_uuid()),
    stamp("created_at"),
)

# Grain: one run of one environment; started_at is the run's one reading of the clock. Key: environment, run_id.
run = Table(
    "run",
    METADATA,
    *map(key, ("environment", "run_id")),
    *timestamps("started_at"),
    *documents("params", default="{}"),
    stamp("created_at"),
)

# Grain: one finished step of a run; a step that is here is not done again. Key: environment, run_id, step.
step = Table(
    "step",
    METADATA,
    *map(key, ("environment", "run_id", "step")),
    *documents("result"),
    stamp("finished_at"),
)

# Grain: one environment with the Stripe account to which all of its rows belong, as a key proved it; none before the first
# proof. key_digest is a SHA-256 of the key that proved it, so that another key is confirmed before it is used. Key:
# environment.
account = Table("account", METADATA, key("environment"), *texts("account", "key_digest"), *timestamps("proven_at"))

# Grain: one action that a person took by a command; append-only. Key: id.
manual_action = Table(
    "manual_action",
    METADATA,
    serial(),
    *ids("environment", "subject"),
    *texts("command", "reason", "person"),
    *documents("detail", default="{}"),
    stamp("done_at"),
)

# Grain: one answer of probe to one open question of the design; the newest counts. Key: id.
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
