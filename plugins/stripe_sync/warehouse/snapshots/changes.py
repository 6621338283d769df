"""Changes since a comparison: mirror rows of both sides, links and due timers; and foreign objects."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from sqlalchemy import Connection, Text, cast, func, select

from stripe_sync.core import keys
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.engine import run_sql, streamed
from stripe_sync.warehouse.snapshots.families import CATALOG, Members, Place
from stripe_sync.warehouse.tables.comparisons import comparison

FULL_COMPARISON_THRESHOLD = 20_000  # changed names above which everything is compared, without names in memory


class TooMany(Exception):
    """Too many changes, or one that affects every entity: a full comparison is required."""


@dataclass(frozen=True)
class Changes:
    """Entities to compare again: the partitions of ``members``.

    ``things`` are the Stripe ids of changed products, prices and coupons without a link; they count if Stigg names them.
    """

    members: Members
    things: frozenset[str]


def changes(connection: Connection, place: Place, before: int) -> Changes:
    """Return the changes since a comparison in both mirrors and the links, with former and current references.

    Raises TooMany.
    """
    members, things = Members(), set[str]()
    of = comparison.c
    stigg, stripe, seen, seen_in = connection.execute(
        select(of.stigg_snapshot, of.stripe_snapshot, cast(of.seen, Text), cast(of.seen_in, Text)).where(
            of.id == before
        )
    ).one()
    about = {"environment": place.environment}
    for row in streamed(connection, "families/changed", side="stigg", since=stigg, until=place.stigg.id, **about):
        if row["kind"] in CATALOG:
            raise TooMany
        add(members, row["kind"], row["id"])
        for kind, column in (
            ("customer", "customer"),
            ("customer", "payer"),
            ("stripe", "billing_id"),
            ("stripe", "old_billing_id"),
        ):
            add(members, kind, row[column])
    for row in streamed(connection, "families/changed", side="stripe", since=stripe, until=place.stripe.id, **about):
        if row["kind"] in CATALOG:
            things.add(row["id"])
            if len(things) > FULL_COMPARISON_THRESHOLD:
                raise TooMany
        elif row["kind"] == "invoice":
            add(members, "stripe", row["stripe_subscription"])
        else:
            add(members, "stripe", row["id"])
            add(members, "stripe", row["stripe_customer"])
            for entity in row["entities"] or ():
                add(members, row["kind"], entity)
    linked = {id: key for key, id in links.of_ids(connection, place.environment, things).items()}
    found = streamed(connection, "families/changed_links", seen=seen, seen_in=seen_in, **about)
    changed = (row["key"] for row in found)
    for key in chain(linked.values(), filter(decides, changed)):
        owner = keys.owner(key)
        if not owner:
            raise TooMany
        add(members, "link", owner)
    return Changes(members, frozenset(things - linked.keys()))


def add(members: Members, kind: str, id: str | None) -> None:
    """Adds one name. Raises TooMany."""
    members.add(kind, id)
    if len(members) > FULL_COMPARISON_THRESHOLD:
        raise TooMany


def decides(key: str) -> bool:
    """Return whether objects of this link key are compared."""
    return keys.LinkKey.parse(key).kind in CATALOG | {"customer", "subscription"}


def waiting(connection: Connection, environment: str, now: datetime) -> Members:
    """Return the customers and subscriptions with a due timer. Raises TooMany."""
    members = Members()
    for row in streamed(connection, "families/waiting", environment=environment, now=now):
        add(members, "link", row["owner"])
    return members


def sees(connection: Connection, before: int) -> bool:
    """Return whether a comparison can tell which links it has seen: not after a restore into a younger database."""
    newest = func.pg_snapshot_xmax(func.pg_current_snapshot())
    found: bool | None = connection.execute(
        select(func.pg_snapshot_xmax(comparison.c.seen) <= newest).where(comparison.c.id == before)
    ).scalar()
    return bool(found)


def foreign_objects(connection: Connection, place: Place, *, first_write: int, mark: str, after: int = 0) -> list[str]:
    """Return the ids of foreign objects: with Stigg metadata, without our ownership marker, newer than our first write.

    ``mark`` is the metadata field of the marker; ``after`` is a snapshot: objects of earlier snapshots are not returned.
    """
    rows = run_sql(
        connection,
        "families/foreign_objects",
        environment=place.environment,
        stripe=place.stripe.id,
        first_write=first_write,
        mark=mark,
        after=after,
    )
    return [row["id"] for row in rows]


def vanished(connection: Connection, place: Place) -> tuple[int, int]:
    """(adopted customers and subscriptions whose billing id is gone from Stigg, all of them)."""
    (row,) = run_sql(connection, "families/vanished", environment=place.environment, stigg=place.stigg.id)
    return row["vanished"], row["adopted"]
