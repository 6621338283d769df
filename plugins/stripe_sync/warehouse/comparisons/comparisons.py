"""Comparisons: the documents of both sides, the differences that SQL finds, and the drift rows made of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from stripe_sync.core.decoding import typed
from stripe_sync.core.keys import owner
from stripe_sync.domain.drift.rows import DriftRow
from stripe_sync.domain.model.documents import CANON_VERSION, Claim, Difference
from stripe_sync.domain.model.status import EntityStatus
from stripe_sync.warehouse.engine import dumps, run_sql, streamed
from stripe_sync.warehouse.snapshots.snapshots import Snapshot

DECIDED = (
    'side text, kind text, key text collate "C", owner text collate "C", document jsonb, entity_kind text, entity_id text, '
    "stripe_id text, facts jsonb"
)


@dataclass(frozen=True)
class Made:
    """What a comparison came to. ``inputs`` is a hash of what decides everything.

    ``decided_at`` is when everything was decided last (UTC).
    """

    counts: Mapping[str, int]
    inputs: str
    decided_at: datetime | None


def begin(connection: Connection, run_id: str, stigg: Snapshot, stripe: Snapshot) -> int:
    """Opens a comparison of two snapshots, and room for what is decided in its transaction."""
    # A plan that was kept from when a table was empty would read it from end to end as it fills.
    connection.execute(text("set local plan_cache_mode = force_custom_plan"))
    # Hash joins of a part stay in memory; a part is small, so this is never taken whole.
    connection.execute(text("set local work_mem = '128MB'"))
    connection.execute(text(f"create temp table decided ({DECIDED}) partition by list (side) on commit drop"))
    for side in ("wanted", "found"):
        connection.execute(
            text(f"create temp table {side} partition of decided for values in ('{side}') on commit drop")
        )
    id: int = connection.execute(
        text(
            "insert into comparison (environment, run_id, stigg_snapshot, stripe_snapshot, canon_version, seen, seen_in) "
            "values (:e, :r, :a, :b, :v, pg_current_snapshot(), pg_current_xact_id()) returning id"
        ),
        {"e": stigg.environment, "r": run_id, "a": stigg.id, "b": stripe.id, "v": CANON_VERSION},
    ).scalar_one()
    return id


def compared(
    connection: Connection,
    comparison: int,
    environment: str,
    *,
    owners: Collection[str],
    wanted: Iterable[Claim],
    found: Iterable[Claim],
) -> list[Difference]:
    """Compares what was decided of some owners (``keys.owner``), keeps every key on which both sides do not agree, and
    gives them. The documents are kept as versions, which the next comparison of these owners ends where it comes to others.
    """
    connection.execute(text("truncate decided"))
    copy(connection, "wanted", wanted)
    copy(connection, "found", found)
    about = {"environment": environment, "comparison_id": comparison}
    found_out = run_sql(connection, "drift/differences", **about)
    run_sql(connection, "drift/close_documents", owners=list(owners), **about)
    run_sql(connection, "drift/add_documents", **about)
    return sorted(map(difference, found_out), key=lambda d: (d.kind, d.key))


def copy(connection: Connection, side: str, claims: Iterable[Claim]) -> None:
    """COPY of one side's documents."""
    columns = "side, kind, key, owner, document, entity_kind, entity_id, stripe_id, facts"
    cursor = connection.connection.cursor()
    with cursor.copy(f"copy {side} ({columns}) from stdin") as target:
        for c in claims:
            kind, id = c.entity or (None, None)
            target.write_row(
                (side, c.kind, c.key, owner(c.key), dumps(c.document), kind, id, c.stripe_id, dumps(dict(c.facts)))
            )
    cursor.close()


def close(connection: Connection, comparison: int, environment: str, *, owners: Collection[str] | None = None) -> None:
    """Ends what was found to differ of some owners, or of everybody, who are decided anew."""
    chosen = None if owners is None else list(owners)
    run_sql(connection, "drift/close", comparison_id=comparison, environment=environment, owners=chosen)


def let_stand(connection: Connection, before: int, *, environment: str, run_id: str) -> None:
    """Gives those who differ and were not decided anew the statuses again that they were judged to have."""
    run_sql(connection, "drift/stand", before=before, environment=environment, run_id=run_id)


def keep_judged(
    connection: Connection, comparison: int, environment: str, judged: Iterable[tuple[str, EntityStatus]]
) -> None:
    """COPY of (owner, status) of the entities that differ, as they were judged."""
    columns = "environment, valid_from, kind, id, owner, status, reason, detail, stripe_id"
    cursor = connection.connection.cursor()
    with cursor.copy(f"copy judged ({columns}) from stdin") as target:
        for owner, s in judged:
            target.write_row(
                (environment, comparison, s.kind, s.id, owner, s.status.value, s.reason.value, s.detail, s.stripe_id)
            )
    cursor.close()


def analyze(connection: Connection) -> None:
    """Gives PostgreSQL figures of what was stored so far: without them it would read all of it for each part that comes.

    Their lock is held to the end of the transaction: where another environment has it, its figures do.
    """
    connection.execute(text("analyze (skip_locked) document, difference, drift, judged"))


def close_absent(connection: Connection, comparison: int, environment: str) -> None:
    """Ends the documents of those who are no more, after everybody was decided."""
    run_sql(connection, "drift/close_absent", comparison_id=comparison, environment=environment)


def counts(connection: Connection, comparison: int) -> dict[str, int]:
    """How many objects differ, by kind."""
    return {row["kind"]: row["n"] for row in run_sql(connection, "drift/counts", comparison_id=comparison)}


def differences(
    connection: Connection,
    comparison: int,
    *,
    of: Collection[tuple[str, str]] | None = None,
) -> list[Difference]:
    """What the two sides did not agree on, in order of kind and key; of some (kind, key) if they are given."""
    chosen = {
        "kinds": None if of is None else sorted({kind for kind, _ in of}),
        "keys": None if of is None else [key for _, key in of],
    }
    return [difference(row) for row in run_sql(connection, "drift/differing", comparison_id=comparison, **chosen)]


def in_order(connection: Connection, comparison: int, *, after: str) -> Iterator[dict[str, Any]]:
    """(customer, kind, key, entity) of every difference in the order in which runs take them up: the catalog's, with no
    customer; then customer by customer by their link keys, those behind ``after`` first.
    """
    return streamed(connection, "drift/order", comparison_id=comparison, after=after)


def conclude(connection: Connection, comparison: int, made: Made) -> None:
    """Keeps beside a comparison what it came to."""
    connection.execute(
        text("update comparison set counts = cast(:c as jsonb), inputs = :i, decided_at = :d where id = :id"),
        {
            "id": comparison,
            "c": dumps(dict(made.counts)),
            "i": made.inputs,
            "d": made.decided_at,
        },
    )


def newest(connection: Connection, environment: str) -> tuple[int, Made] | None:
    """The newest comparison of an environment, and what it came to."""
    row = connection.execute(
        text("select id, counts, inputs, decided_at from comparison where environment = :e order by id desc limit 1"),
        {"e": environment},
    ).first()
    if row is None:
        return None
    return row.id, Made(row.counts, row.inputs, row.decided_at)


def difference(row: Mapping[str, Any]) -> Difference:
    fields = tuple(sorted(row["fields"])) if row["wanted"] is not None and row["found"] is not None else ()
    return Difference(row["kind"], row["key"], claim(row, "wanted"), claim(row, "found"), fields)


def claim(row: Mapping[str, Any], side: str) -> Claim | None:
    if row[side] is None:
        return None
    entity = (row["entity_kind"], row["entity_id"]) if side == "wanted" and row["entity_kind"] else None
    stripe_id = row["stripe_id"] if side == "found" else None
    return Claim(row["kind"], row["key"], row[side], entity, stripe_id, row[f"{side}_facts"])


def store_drift(
    connection: Connection, comparison: int, environment: str, rows: Sequence[DriftRow], *, now: datetime
) -> None:
    """COPY of drift rows of a comparison. One that differed in the comparison before as well keeps the moment since when."""
    columns = (
        "environment, valid_from, owner, id, kind, key, entity_kind, entity_id, stripe_id, state, field, before, after, severity, "
        "sentence, per_month, stripe_url, stigg_url, accepted"
    )
    cursor = connection.connection.cursor()
    with cursor.copy(f"copy drift ({columns}) from stdin") as target:
        for r in rows:
            kind, id = r.entity or (None, None)
            before, after = (None if value is None else dumps(value) for value in (r.before, r.after))
            target.write_row(
                (environment, comparison, owner(r.key), r.id, r.kind, r.key, kind, id, r.stripe_id, r.state, r.field, before, after, r.severity,
                 r.sentence.replace("\x00", "\ufffd"), dumps(dict(r.per_month)), r.stripe_url,
                 r.stigg_url.replace("\x00", "\ufffd"), r.accepted)
            )  # fmt: skip
    cursor.close()
    if rows:
        owners = sorted({owner(r.key) for r in rows})
        run_sql(connection, "drift/since", comparison_id=comparison, environment=environment, owners=owners, now=now)


def load_drift(connection: Connection, comparison: int, *, keys: Collection[str] | None = None) -> list[DriftRow]:
    """The drift rows of a comparison, in order of kind, key and field; of some keys if they are given."""
    chosen = None if keys is None else list(keys)
    return [drift_row(row) for row in run_sql(connection, "drift/rows", comparison_id=comparison, keys=chosen)]


def drift_row(row: dict[str, Any]) -> DriftRow:
    entity = (row.pop("entity_kind"), row.pop("entity_id"))
    since = row["since"].isoformat() if row["since"] else None
    return typed(row | {"entity": entity if entity[0] else None, "since": since}, DriftRow)


def claims_with_content(connection: Connection, comparison: int, owners: Collection[str]) -> Iterator[Claim]:
    """The price versions of both sides, for the money of differences: the catalog's, and those of some owners."""
    for row in run_sql(connection, "drift/price_versions", comparison_id=comparison, owners=["", *owners]):
        yield Claim(row["kind"], row["key"], {}, facts=row["facts"])


def snapshot_of(connection: Connection, comparison: int) -> int:
    """Stripe's snapshot of a comparison."""
    id: int = connection.execute(
        text("select stripe_snapshot from comparison where id = :id"), {"id": comparison}
    ).scalar_one()
    return id


def latest(connection: Connection, environment: str, *, run_id: str | None = None) -> int | None:
    """The newest comparison of an environment, or of one of its runs."""
    found: int | None = connection.execute(
        text("select max(id) from comparison where environment = :e and (cast(:r as text) is null or run_id = :r)"),
        {"e": environment, "r": run_id},
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
