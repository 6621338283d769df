"""Drift rows of comparisons: stored by COPY, read in order of kind, key and field."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from stripe_sync.core.decoding import typed
from stripe_sync.core.keys import owner
from stripe_sync.domain.drift.rows import DriftRow
from stripe_sync.warehouse.copy import copy_rows
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.tables import comparisons as tables

DRIFT_COLUMNS = (
    "environment",
    "valid_from",
    "owner",
    "id",
    "kind",
    "key",
    "entity_kind",
    "entity_id",
    "stripe_id",
    "state",
    "field",
    "before",
    "after",
    "severity",
    "sentence",
    "per_month",
    "stripe_url",
    "stigg_url",
    "accepted",
)


def _drift_columns(r: DriftRow) -> tuple[object, ...]:
    kind, id = r.entity or (None, None)
    before, after = (None if value is None else dumps(value) for value in (r.before, r.after))
    sentence, stigg_url = (value.replace("\x00", "\ufffd") for value in (r.sentence, r.stigg_url))
    what = (owner(r.key), r.id, r.kind, r.key, kind, id, r.stripe_id, r.state, r.field, before, after)
    return (*what, r.severity, sentence, dumps(dict(r.per_month)), r.stripe_url, stigg_url, r.accepted)


def store_drift(
    connection: Connection, comparison: int, environment: str, rows: Sequence[DriftRow], *, now: datetime
) -> None:
    """Store the drift rows of a comparison. A row that the comparison before had keeps its ``since``."""
    copy_rows(
        connection, tables.drift, DRIFT_COLUMNS, ((environment, comparison, *_drift_columns(row)) for row in rows)
    )
    if rows:
        owners = sorted({owner(r.key) for r in rows})
        run_sql(connection, "drift/since", comparison_id=comparison, environment=environment, owners=owners, now=now)


def load_drift(connection: Connection, comparison: int, *, keys: Collection[str] | None = None) -> list[DriftRow]:
    """Return the drift rows of a comparison, in order of kind, key and field; of some keys if they are given."""
    chosen = None if keys is None else list(keys)
    return [drift_row(row) for row in run_sql(connection, "drift/rows", comparison_id=comparison, keys=chosen)]


def drift_row(row: dict[str, Any]) -> DriftRow:
    entity = (row.pop("entity_kind"), row.pop("entity_id"))
    since = row["since"].isoformat() if row["since"] else None
    return typed(row | {"entity": entity if entity[0] else None, "since": since}, DriftRow)
