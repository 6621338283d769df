"""Comparisons: the documents of both sides and the differences that SQL finds."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, insert, select, true, update

from stripe_sync.core.keys import owner
from stripe_sync.domain.drift.difference import Changed, Difference, Extra, Missing
from stripe_sync.domain.model.documents import CANON_VERSION, ObjectDocument
from stripe_sync.domain.model.status import EntityStatus
from stripe_sync.warehouse.copy import DECIDED, clear_decided, copy_rows, create_decided
from stripe_sync.warehouse.engine import run_sql, streamed
from stripe_sync.warehouse.json_text import dumps
from stripe_sync.warehouse.snapshots.snapshots import Snapshot
from stripe_sync.warehouse.tables import comparisons as tables


@dataclass(frozen=True)
class ComparisonResult:
    """Result of a comparison. ``inputs`` is a hash of the settings and secrets that affect every entity.

    ``decided_at`` is the time of the last full comparison (UTC).
    """

    counts: Mapping[str, int]
    inputs: str
    decided_at: datetime | None


def begin(connection: Connection, run_id: str, stigg: Snapshot, stripe: Snapshot) -> int:
    """Open a comparison of two snapshots, with the staging tables of its transaction; return its id."""
    # A plan that was kept from when a table was empty would read it from end to end as it fills.
    connection.execute(select(func.set_config("plan_cache_mode", "force_custom_plan", true())))
    # Hash joins of a part stay in memory; a part is small, so this is never taken whole.
    connection.execute(select(func.set_config("work_mem", "128MB", true())))
    create_decided(connection)
    id: int = connection.execute(
        insert(tables.comparison)
        .values(
            environment=stigg.environment,
            run_id=run_id,
            stigg_snapshot=stigg.id,
            stripe_snapshot=stripe.id,
            canon_version=CANON_VERSION,
            seen=func.pg_current_snapshot(),
            seen_in=func.pg_current_xact_id(),
        )
        .returning(tables.comparison.c.id)
    ).scalar_one()
    return id


def compared(
    connection: Connection,
    comparison: int,
    environment: str,
    *,
    owners: Collection[str],
    targets: Iterable[ObjectDocument],
    found: Iterable[ObjectDocument],
) -> list[Difference]:
    """Compare the documents of some owners (``keys.owner``); store and return the differences.

    The documents are stored as versions, which the next comparison of these owners closes where they changed.
    """
    clear_decided(connection)
    stage(connection, targets=targets, found=found)
    about = {"environment": environment, "comparison_id": comparison}
    found_out = run_sql(connection, "drift/differences", **about)
    run_sql(connection, "drift/close_documents", owners=list(owners), **about)
    run_sql(connection, "drift/add_documents", **about)
    return sorted(map(difference, found_out), key=lambda d: (d.kind, d.key))


def stage(connection: Connection, *, targets: Iterable[ObjectDocument], found: Iterable[ObjectDocument]) -> None:
    """COPY the documents of both sides into the staging table."""
    for side, documents in zip(DECIDED, (targets, found), strict=True):
        copy_rows(connection, side, side.c.keys(), (_document_row(side.name, document) for document in documents))


def _document_row(side: str, c: ObjectDocument) -> tuple[object, ...]:
    kind, id = c.entity or (None, None)
    return side, c.kind, c.key, owner(c.key), dumps(c.document), kind, id, c.stripe_id, dumps(dict(c.facts))


def close(connection: Connection, comparison: int, environment: str, *, owners: Collection[str] | None = None) -> None:
    """Close the differences of the owners that are compared again; ``owners`` None means all."""
    chosen = None if owners is None else list(owners)
    run_sql(connection, "drift/close", comparison_id=comparison, environment=environment, owners=chosen)


def carry_forward_statuses(connection: Connection, before: int, *, environment: str, run_id: str) -> None:
    """Carry forward the statuses of entities that differ and were not compared again."""
    run_sql(connection, "drift/carry_forward_statuses", before=before, environment=environment, run_id=run_id)


def store_statuses(
    connection: Connection, comparison: int, environment: str, statuses: Iterable[tuple[str, EntityStatus]]
) -> None:
    """Store (owner, status) of the entities that differ, by COPY."""
    columns = ("environment", "valid_from", "kind", "id", "owner", "status", "reason", "detail", "stripe_id")
    rows = (
        (environment, comparison, s.kind, s.id, owner, s.status.value, s.reason.value, s.detail, s.stripe_id)
        for owner, s in statuses
    )
    copy_rows(connection, tables.entity_status, columns, rows)


def close_absent(connection: Connection, comparison: int, environment: str) -> None:
    """Close the documents of owners that no longer exist, after a full comparison."""
    run_sql(connection, "drift/close_absent", comparison_id=comparison, environment=environment)


def counts(connection: Connection, comparison: int) -> dict[str, int]:
    """Count the objects that differ, by kind."""
    return {row["kind"]: row["n"] for row in run_sql(connection, "drift/counts", comparison_id=comparison)}


def differences(
    connection: Connection,
    comparison: int,
    *,
    of: Collection[tuple[str, str]] | None = None,
) -> list[Difference]:
    """Return the differences in order of kind and key; ``of`` limits them to some (kind, key)."""
    chosen = {
        "kinds": None if of is None else sorted({kind for kind, _ in of}),
        "keys": None if of is None else [key for _, key in of],
    }
    return [difference(row) for row in run_sql(connection, "drift/differing", comparison_id=comparison, **chosen)]


def in_order(connection: Connection, comparison: int, *, after: str) -> Iterator[dict[str, Any]]:
    """Yield (customer, kind, key, entity) of every difference in the order in which runs plan them.

    The catalog is first, without a customer; then customers by link key, beginning behind ``after``.
    """
    return streamed(connection, "drift/order", comparison_id=comparison, after=after)


def conclude(connection: Connection, comparison: int, made: ComparisonResult) -> None:
    """Keeps beside a comparison what it came to."""
    connection.execute(
        update(tables.comparison)
        .where(tables.comparison.c.id == comparison)
        .values(counts=dict(made.counts), inputs=made.inputs, decided_at=made.decided_at)
    )


def newest(connection: Connection, environment: str) -> tuple[int, ComparisonResult] | None:
    """The newest comparison of an environment, and what it came to."""
    row = connection.execute(_newest_of(environment)).first()
    return (row.id, ComparisonResult(row.counts, row.inputs, row.decided_at)) if row else None


def _newest_of(environment: str) -> Select[tuple[Any, ...]]:
    of = tables.comparison.c
    return select(tables.comparison).where(of.environment == environment).order_by(of.id.desc()).limit(1)


def difference(row: Mapping[str, Any]) -> Difference:
    target, actual = document_of(row, "target"), document_of(row, "actual")
    if target is not None and actual is not None:
        return Changed(target, actual, tuple(sorted(row["fields"])))
    if target is not None:
        return Missing(target)
    assert actual is not None, "a difference has a document of at least one side"
    return Extra(actual)


def document_of(row: Mapping[str, Any], side: str) -> ObjectDocument | None:
    if row[side] is None:
        return None
    entity = (row["entity_kind"], row["entity_id"]) if side == "target" and row["entity_kind"] else None
    stripe_id = row["stripe_id"] if side == "actual" else None
    return ObjectDocument(row["kind"], row["key"], row[side], entity, stripe_id, row[f"{side}_facts"])


def documents_with_content(
    connection: Connection, comparison: int, owners: Collection[str]
) -> Iterator[ObjectDocument]:
    """The price versions of both sides, for the money of differences: the catalog's, and those of some owners."""
    for row in run_sql(connection, "drift/price_versions", comparison_id=comparison, owners=["", *owners]):
        yield ObjectDocument(row["kind"], row["key"], {}, facts=row["facts"])


def snapshot_of(connection: Connection, comparison: int) -> int:
    """Stripe's snapshot of a comparison."""
    id: int = connection.execute(
        select(tables.comparison.c.stripe_snapshot).where(tables.comparison.c.id == comparison)
    ).scalar_one()
    return id


def latest(connection: Connection, environment: str, *, run_id: str | None = None) -> int | None:
    """The newest comparison of an environment, or of one of its runs."""
    of = tables.comparison.c
    query = select(func.max(of.id)).where(of.environment == environment)
    found: int | None = connection.execute(query if run_id is None else query.where(of.run_id == run_id)).scalar()
    return found


def latest_pair(connection: Connection, environment: str) -> tuple[str, int, int] | None:
    """Return (run, Stigg snapshot, Stripe snapshot) of the newest comparison; both passed their checks."""
    row = connection.execute(_newest_of(environment)).first()
    return (row.run_id, row.stigg_snapshot, row.stripe_snapshot) if row else None
