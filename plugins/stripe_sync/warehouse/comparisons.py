"""Comparisons: the documents of both sides, the differences that SQL finds, and the drift rows made of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from stripe_sync.drift.rows import DriftRow
from stripe_sync.model.documents import CANON_VERSION, Claim, Difference
from stripe_sync.model.status import EntityStatus
from stripe_sync.typed import typed
from stripe_sync.warehouse.engine import dumps, run_sql
from stripe_sync.warehouse.snapshots import Snapshot


@dataclass(frozen=True)
class Made:
    """What a comparison came to. ``inputs`` is a hash of what decided it, empty where it must not be kept.

    ``decided_at`` is when that was, and ``wakes_at`` the first moment at which time alone may decide something else (UTC).
    ``statuses`` are those of the entities that differ, as they were judged.
    """

    counts: Mapping[str, int]
    inputs: str
    decided_at: datetime | None
    wakes_at: datetime | None
    statuses: Sequence[EntityStatus]


def begin(connection: Connection, run_id: str, stigg: Snapshot, stripe: Snapshot) -> int:
    """Opens a comparison of two snapshots."""
    id: int = connection.execute(
        text(
            "insert into comparison (environment, run_id, stigg_snapshot, stripe_snapshot, canon_version) "
            "values (:e, :r, :a, :b, :v) returning id"
        ),
        {"e": stigg.environment, "r": run_id, "a": stigg.id, "b": stripe.id, "v": CANON_VERSION},
    ).scalar_one()
    return id


def store(connection: Connection, comparison: int, side: str, claims: Iterable[Claim]) -> None:
    """COPY of one side's documents."""
    columns = "comparison_id, side, kind, key, document, entity_kind, entity_id, stripe_id, facts"
    cursor = connection.connection.cursor()
    with cursor.copy(f"copy document ({columns}) from stdin") as target:
        for c in claims:
            kind, id = c.entity or (None, None)
            target.write_row(
                (comparison, side, c.kind, c.key, dumps(c.document), kind, id, c.stripe_id, dumps(dict(c.facts)))
            )
    cursor.close()


def compared(connection: Connection, comparison: int) -> list[Difference]:
    """Compares the documents of both sides, keeps every key on which they do not agree, and gives them."""
    run_sql(connection, "drift/differences", comparison_id=comparison)
    return differences(connection, comparison)


def differences(connection: Connection, comparison: int) -> list[Difference]:
    """Every key on which the two sides did not agree, in order of kind and key."""
    return [difference(row) for row in run_sql(connection, "drift/differing", comparison_id=comparison)]


def conclude(connection: Connection, comparison: int, made: Made) -> None:
    """Keeps beside a comparison what it came to."""
    connection.execute(
        text(
            "update comparison set counts = cast(:c as jsonb), inputs = :i, decided_at = :d, wakes_at = :w, "
            "statuses = cast(:s as jsonb) where id = :id"
        ),
        {
            "id": comparison, "c": dumps(dict(made.counts)), "i": made.inputs, "d": made.decided_at, "w": made.wakes_at,
            "s": dumps(list(made.statuses)),
        },
    )  # fmt: skip


def newest(connection: Connection, environment: str) -> tuple[int, Made] | None:
    """The newest comparison of an environment, and what it came to."""
    row = connection.execute(
        text(
            "select id, counts, inputs, decided_at, wakes_at, statuses from comparison where environment = :e "
            "order by id desc limit 1"
        ),
        {"e": environment},
    ).first()
    if row is None:
        return None
    judged = typed(row.statuses, list[EntityStatus])
    return row.id, Made(row.counts, row.inputs, row.decided_at, row.wakes_at, judged)


def keep(connection: Connection, before: int, run_id: str, stigg: Snapshot, stripe: Snapshot) -> int:
    """The same comparison again for two snapshots that show the same: its number."""
    rows = run_sql(connection, "drift/keep", before=before, run_id=run_id, stigg=stigg.id, stripe=stripe.id)
    return int(rows[0]["id"])


def difference(row: Mapping[str, Any]) -> Difference:
    fields = tuple(sorted(row["fields"])) if row["wanted"] is not None and row["found"] is not None else ()
    return Difference(row["kind"], row["key"], claim(row, "wanted"), claim(row, "found"), fields)


def claim(row: Mapping[str, Any], side: str) -> Claim | None:
    if row[side] is None:
        return None
    entity = (row["entity_kind"], row["entity_id"]) if side == "wanted" and row["entity_kind"] else None
    stripe_id = row["stripe_id"] if side == "found" else None
    return Claim(row["kind"], row["key"], row[side], entity, stripe_id, row[f"{side}_facts"])


def store_drift(connection: Connection, comparison: int, rows: Sequence[DriftRow], *, now: datetime) -> None:
    """COPY of the drift rows of a comparison; a difference that the comparison before had as well keeps its ``since``."""
    columns = (
        "comparison_id, id, kind, key, entity_kind, entity_id, stripe_id, state, field, before, after, severity, "
        "sentence, per_month, stripe_url, stigg_url, accepted"
    )
    cursor = connection.connection.cursor()
    with cursor.copy(f"copy drift ({columns}) from stdin") as target:
        for r in rows:
            kind, id = r.entity or (None, None)
            before, after = (None if value is None else dumps(value) for value in (r.before, r.after))
            target.write_row(
                (comparison, r.id, r.kind, r.key, kind, id, r.stripe_id, r.state, r.field, before, after, r.severity,
                 r.sentence.replace("\x00", "\ufffd"), dumps(dict(r.per_month)), r.stripe_url,
                 r.stigg_url.replace("\x00", "\ufffd"), r.accepted)
            )  # fmt: skip
    cursor.close()
    run_sql(connection, "drift/since", comparison_id=comparison, now=now)


def load_drift(connection: Connection, comparison: int) -> list[DriftRow]:
    """The drift rows of a comparison, in order of kind, key and field."""
    return [drift_row(row) for row in run_sql(connection, "drift/rows", comparison_id=comparison)]


def drift_row(row: dict[str, Any]) -> DriftRow:
    entity = (row.pop("entity_kind"), row.pop("entity_id"))
    since = row["since"].isoformat() if row["since"] else None
    return typed(row | {"entity": entity if entity[0] else None, "since": since}, DriftRow)


def claims_with_content(connection: Connection, comparison: int) -> Iterator[Claim]:
    """The price versions of both sides, for the money of differences."""
    for row in run_sql(connection, "drift/price_versions", comparison_id=comparison):
        yield Claim(row["kind"], row["key"], {}, facts=row["facts"])


def latest(engine: Engine, environment: str) -> int | None:
    """The newest comparison of an environment."""
    with engine.connect() as connection:
        found: int | None = connection.execute(
            text("select max(id) from comparison where environment = :e"), {"e": environment}
        ).scalar()
        return found


def latest_pair(connection: Connection, environment: str) -> tuple[str, int, int] | None:
    """(run, Stigg's snapshot, Stripe's snapshot) of the newest comparison: both passed the gate."""
    row = connection.execute(
        text(
            "select run_id, stigg_snapshot, stripe_snapshot from comparison where environment = :e order by id desc limit 1"
        ),
        {"e": environment},
    ).first()
    return (row.run_id, row.stigg_snapshot, row.stripe_snapshot) if row else None
