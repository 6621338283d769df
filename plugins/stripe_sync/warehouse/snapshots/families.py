"""Partitions: related customers and subscriptions, found in the mirrors of both sides and the links.

Two entities are related if one pays for the other, if a billing id names an object of the other, or if they share a link or a
Stripe customer. Most partitions are one customer. The comparison of a partition depends on no other partition.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from stripe_sync.core import keys
from stripe_sync.warehouse.copy import DONE, create_done
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.snapshots.snapshots import Snapshot
from stripe_sync.warehouse.tables.columns import is_among

PARTITIONS_PER_BATCH = 250  # more need more memory, fewer need more queries
CATALOG = frozenset({"product", "plan", "addon", "coupon", "price"})


@dataclass(frozen=True)
class Place:
    """An environment and the two snapshots that are compared."""

    environment: str
    stigg: Snapshot
    stripe: Snapshot

    def owner(self, kind: str, id: str) -> str:
        """Return the link key of a customer or subscription in Stigg."""
        return keys.link_key(kind, keys.part(self.environment), keys.part(id))


@dataclass
class Members:
    """Customers and subscriptions by Stigg's ids, and Stripe's ids of customers and subscriptions."""

    customers: set[str] = field(default_factory=set)
    subscriptions: set[str] = field(default_factory=set)
    stripe: set[str] = field(default_factory=set)

    def add(self, kind: str, id: str | None) -> None:
        """Add an id by its kind (customer, subscription, stripe), or a link key as ``link``."""
        if id is None:
            return
        if kind == "link":
            kind, id = keys.entity_of(id)
        {"customer": self.customers, "subscription": self.subscriptions, "stripe": self.stripe}[kind].add(id)

    def without(self, others: Members) -> Members:
        return Members(
            self.customers - others.customers, self.subscriptions - others.subscriptions, self.stripe - others.stripe
        )

    def take(self, others: Members) -> None:
        self.customers |= others.customers
        self.subscriptions |= others.subscriptions
        self.stripe |= others.stripe

    def owners(self, place: Place) -> list[str]:
        """Return the link keys of the customers and subscriptions, sorted."""
        customers = (place.owner("customer", id) for id in self.customers)
        return sorted([*customers, *(place.owner("subscription", id) for id in self.subscriptions)])

    def __len__(self) -> int:
        return len(self.customers) + len(self.subscriptions) + len(self.stripe)


def whole(connection: Connection, place: Place, seeds: Members) -> Members:
    """Return the complete partitions of these members: their transitive closure."""
    found, ahead = Members(), seeds
    while ahead:
        found.take(ahead)
        more = Members()
        for row in run_sql(
            connection,
            "families/related",
            environment=place.environment,
            stigg=place.stigg.id,
            stripe=place.stripe.id,
            customers=list(ahead.customers),
            subscriptions=list(ahead.subscriptions),
            ids=list(ahead.stripe),
            owners=ahead.owners(place),
        ):
            more.add(row["kind"], row["id"])
        ahead = more.without(found)
    return found


def begin(connection: Connection) -> None:
    """Create the list of owners that a comparison decides, for its transaction."""
    create_done(connection)


def done(connection: Connection, owners: Collection[str]) -> None:
    """Record these owners as compared, so that none is compared twice."""
    run_sql(connection, "families/add_done", owners=list(owners))


def iter_partitions(connection: Connection, place: Place) -> Iterator[Members]:
    """Yield batches of partitions until all are ``done``: of customers, of subscriptions alone, of links alone."""
    for kind in ("customer", "subscription"):
        for ids in pages(
            connection, "families/entities", "id", environment=place.environment, kind=kind, stigg=place.stigg.id
        ):
            owners = [place.owner(kind, id) for id in ids]
            yield from pending(connection, place, owners)
    for owners in pages(connection, "families/owners", "owner", environment=place.environment):
        yield from pending(connection, place, owners)


def pages(connection: Connection, question: str, key: str, **about: Any) -> Iterator[list[str]]:
    """Yield the keys of a query in pages; each page begins behind the one before."""
    after = ""
    while rows := run_sql(connection, question, after=after, most=PARTITIONS_PER_BATCH, **about):
        found = [row[key] for row in rows]
        yield found
        after = found[-1]


def pending(connection: Connection, place: Place, owners: Collection[str]) -> Iterator[Members]:
    """Yield the partitions of those owners that were not compared yet, if there are any."""
    known = connection.execute(select(DONE.c.owner).where(is_among(DONE.c.owner, owners)))
    left = set(owners) - set(known.scalars())
    if left:
        yield whole(connection, place, of_owners(left))


def affected(connection: Connection, place: Place, seeds: Members) -> Iterator[Members]:
    """Yield the partitions of ``seeds`` in batches, without those that are already ``done``."""
    names = [("customer", id) for id in sorted(seeds.customers)]
    names += [("subscription", id) for id in sorted(seeds.subscriptions)]
    names += [("stripe", id) for id in sorted(seeds.stripe)]
    seen = Members()
    for begin in range(0, len(names), PARTITIONS_PER_BATCH):
        these = Members()
        for kind, id in names[begin : begin + PARTITIONS_PER_BATCH]:
            these.add(kind, id)
        found = whole(connection, place, these.without(seen))
        seen.take(found)
        if found.customers or found.subscriptions:  # Stripe objects without an entity are not compared
            yield found


def of_owners(owners: Iterable[str]) -> Members:
    """Return the members with these link keys."""
    found = Members()
    for owner in owners:
        found.add("link", owner)
    return found
