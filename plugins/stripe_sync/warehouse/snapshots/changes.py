"""Changes since a comparison: rows of both mirrors, links, timers that are due; and objects that must not be there."""

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

MANY = 20_000  # names from which on everything is decided, for which none has to be held in memory


class TooMany(Exception):
    """So much changed, or something that concerns everybody, that everything is decided."""


@dataclass(frozen=True)
class Changes:
    """What has to be decided again: the families of ``members``.

    ``things`` are Stripe's ids of changed products, prices and coupons that nothing links: they decide if Stigg names them.
    """

    members: Members
    things: frozenset[str]


def changes(connection: Connection, place: Place, before: int) -> Changes:
    """Return the changes since a comparison: in both mirrors and among the links, with whom it named before and names now.

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
        for kind, column in (("customer", "customer"), ("customer", "payer"), ("stripe", "billing_id"), ("stripe", "old_billing_id")):  # fmt: skip
            add(members, kind, row[column])
    for row in streamed(connection, "families/changed", side="stripe", since=stripe, until=place.stripe.id, **about):
        if row["kind"] in CATALOG:
            things.add(row["id"])
            if len(things) > MANY:
                raise TooMany
        elif row["kind"] == "invoice":
            add(members, "stripe", row["stripe_subscription"])
        else:
            add(members, "stripe", row["id"])
            add(members, "stripe", row["stripe_customer"])
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
    if len(members) > MANY:
        raise TooMany


def decides(key: str) -> bool:
    """Whether what a link key names is compared."""
    return keys.LinkKey.parse(key).kind in CATALOG | {"customer", "subscription"}


def waiting(connection: Connection, environment: str, now: datetime) -> Members:
    """Who is decided again though nothing changed: a moment has come. Raises TooMany."""
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


def intruders(connection: Connection, place: Place, *, first_write: int, mark: str, after: int = 0) -> list[str]:
    """Objects with Stigg's metadata, without our mark, newer than our first write, that came after a snapshot, by id."""
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
