"""Mirrors as versioned rows, and the snapshots that close an extract.

A snapshot sees, of each object, the version that was valid when it closed. Staging the same rows again changes nothing,
and such a snapshot names the same content as the one before it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Engine, select

from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import Incomplete
from stripe_sync.domain.model.kinds import Side
from stripe_sync.domain.model.seen import Seen
from stripe_sync.warehouse.engine import connect_to_read, run_sql, streamed
from stripe_sync.warehouse.tables.snapshots import snapshot as table

ROWS_PER_BATCH = 1000  # rows that are held together


@dataclass(frozen=True)
class Snapshot:
    """A closed extract of one side. ``content_id`` is equal for snapshots that hold the same rows.

    ``with_nul`` names the rows whose text had a NUL, which was replaced; it is known where the extract was closed alone.
    """

    id: int
    environment: str
    side: str
    complete: bool
    content_id: int
    upper_bound: datetime
    counts: dict[str, int]
    with_nul: tuple[tuple[str, str], ...] = ()


def get(engine: Engine, id: int) -> Snapshot:
    """A snapshot by its id. Raises Incomplete where it is unknown."""
    with connect_to_read(engine) as connection:
        return found(connection, id)


def found(connection: Connection, id: int) -> Snapshot:
    of = table.c
    columns = (of.id, of.environment, of.side, of.complete, of.content_id, of.upper_bound, of.counts)
    row = connection.execute(select(*columns).where(of.id == id)).first()
    if row is None:
        raise Incomplete(f"There is no snapshot {id}; extract again.")
    return Snapshot(**row._mapping)


def newest_counts(connection: Connection, environment: str, side: Side) -> dict[str, int]:
    """Return the number of objects of each kind in the newest snapshot of a side; empty before there is one."""
    of = table.c
    query = select(of.counts).where(of.environment == environment, of.side == side.value)
    return connection.execute(query.order_by(of.id.desc()).limit(1)).scalar() or {}


def bodies(connection: Connection, snapshot: Snapshot, kind: str) -> list[dict[str, Any]]:
    """The objects of a kind as a snapshot saw them, in order of id."""
    return rows_of(connection, "mirror/bodies", snapshot, kind=kind)


def bodies_of(connection: Connection, snapshot: Snapshot, kind: str, ids: Collection[str]) -> list[dict[str, Any]]:
    """The objects of a kind with these ids as a snapshot saw them, in order of id."""
    return rows_of(connection, "mirror/bodies_of", snapshot, kind=kind, ids=list(ids)) if ids else []


def invoices_of(connection: Connection, snapshot: Snapshot, subscriptions: Collection[str]) -> list[dict[str, Any]]:
    """The invoices of these Stripe subscriptions as a snapshot saw them, in order of id."""
    return (
        rows_of(connection, "mirror/invoices_of", snapshot, subscriptions=list(subscriptions)) if subscriptions else []
    )


def seen_unpaid(
    connection: Connection, snapshot: Snapshot, ids: Collection[str], *, late: timedelta
) -> dict[str, Seen]:
    """Return the two readings between which a Stigg subscription ceased to be paid, by id.

    A reading may show a subscription as it was up to ``late`` before: subscriptions are not scanned in every run.
    """
    if not ids:
        return {}
    about = {"environment": snapshot.environment, "snapshot": snapshot.id, "ids": list(ids)}
    return {row["id"]: seen(row, late) for row in run_sql(connection, "mirror/seen", **about)}


def seen(row: dict[str, Any], late: timedelta) -> Seen:
    paid, planned = (row["paid"] - late if row["paid"] is not None else None), row["planned"]
    if planned is not None and not (planned <= row["unpaid"] and (paid is None or paid < planned)):
        planned = None
    return Seen(epoch(paid) if paid else None, epoch(row["unpaid"]), epoch(planned) if planned else None)


def rows_of(connection: Connection, question: str, snapshot: Snapshot, **about: Any) -> list[dict[str, Any]]:
    place = {"environment": snapshot.environment, "side": snapshot.side, "snapshot": snapshot.id}
    return [row["body"] for row in run_sql(connection, question, **place, **about)]


def changed(engine: Engine, snapshot: Snapshot, noise: Collection[str]) -> set[tuple[str, str]]:
    """Return (kind, id) of the objects that are new or other in a snapshot than before, but for the fields ``noise``."""
    about = {"environment": snapshot.environment, "side": snapshot.side, "snapshot": snapshot.id}
    with connect_to_read(engine) as connection:
        rows = run_sql(connection, "mirror/changed", noise=list(noise), **about)
    return {(row["kind"], row["id"]) for row in rows}


@dataclass(frozen=True)
class ObjectWithMarker:
    """An object of Stripe with an ownership marker."""

    id: str
    mark: str
    status: str | None
    deleted: bool


def unlinked_markers(engine: Engine, environment: str, field: str) -> Iterator[list[ObjectWithMarker]]:
    """Yield batches of the objects in the newest Stripe mirror with an ownership marker that one of them has without a link.

    Objects with one marker are in one batch.
    """
    found: list[ObjectWithMarker] = []
    with engine.connect() as connection:
        rows = streamed(connection, "mirror/unlinked", environment=environment, field=field)
        for _, group in groupby(rows, key=itemgetter("mark")):
            found += [ObjectWithMarker(row["id"], row["mark"], row["status"], row["deleted"]) for row in group]
            if len(found) >= ROWS_PER_BATCH:
                yield found
                found = []
    if found:
        yield found


def touched(
    connection: Connection,
    environment: str,
    *,
    since: datetime,
    until: datetime,
    dates: bool = True,
    of: Collection[str | None] | None = None,
) -> tuple[set[tuple[str, str]], set[str]]:
    """Return ((kind, id) of Stigg entities, ids of Stripe objects) that were created or changed in [since, until).

    With ``dates`` a start or end in the window counts as well. ``of`` limits customers and subscriptions to these ids.
    """
    about = {"environment": environment, "since": since, "until": until, "dates": dates}
    rows = run_sql(connection, "mirror/touched", ids=None if of is None else list(of), **about)
    stigg = {(row["kind"], row["id"]) for row in rows if row["side"] == Side.STIGG}
    return stigg, {row["id"] for row in rows if row["side"] == Side.STRIPE}


def has_unpaid(connection: Connection, environment: str) -> bool:
    """Return whether the newest mirror of Stripe has an invoice of a creation or a change that is open."""
    (row,) = run_sql(connection, "mirror/has_open_invoice", environment=environment)
    return bool(row["has_open_invoice"])
