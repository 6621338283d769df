"""Families: customers and subscriptions that have to do with each other, found in the mirrors of both sides and the links.

Two are of one family where one pays for the other, where a billing id names what belongs to the other, or where a link or a
Stripe customer is theirs together. Most families are one customer. What is decided of a family depends on no other one.
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

AT_ONCE = 250  # families that are decided together: memory, against the number of questions
CATALOG = frozenset({"product", "plan", "addon", "coupon", "price"})


@dataclass(frozen=True)
class Place:
    """Where families are looked for: an environment and two snapshots."""

    environment: str
    stigg: Snapshot
    stripe: Snapshot

    def owner(self, kind: str, id: str) -> str:
        """The link key of a customer or subscription of Stigg's."""
        return keys.link_key(kind, keys.part(self.environment), keys.part(id))


@dataclass
class Members:
    """Customers and subscriptions by Stigg's ids, and Stripe's ids of customers and subscriptions."""

    customers: set[str] = field(default_factory=set)
    subscriptions: set[str] = field(default_factory=set)
    stripe: set[str] = field(default_factory=set)

    def add(self, kind: str, id: str | None) -> None:
        """Adds one by its kind (customer, subscription, stripe) or, as ``link``, by its link key."""
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
        """The link keys of the customers and subscriptions."""
        customers = (place.owner("customer", id) for id in self.customers)
        return sorted([*customers, *(place.owner("subscription", id) for id in self.subscriptions)])

    def __len__(self) -> int:
        return len(self.customers) + len(self.subscriptions) + len(self.stripe)


def whole(connection: Connection, place: Place, seeds: Members) -> Members:
    """The families of these members, with everybody who belongs to them."""
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
    """Note that these were decided: nobody is decided twice."""
    run_sql(connection, "families/add_done", owners=list(owners))


def everybody(connection: Connection, place: Place) -> Iterator[Members]:
    """Some families at a time, until everybody is ``done``: customers, subscriptions without one, and who is linked only."""
    for kind in ("customer", "subscription"):
        for ids in pages(
            connection, "families/entities", "id", environment=place.environment, kind=kind, stigg=place.stigg.id
        ):
            owners = [place.owner(kind, id) for id in ids]
            yield from not_done(connection, place, owners)
    for owners in pages(connection, "families/owners", "owner", environment=place.environment):
        yield from not_done(connection, place, owners)


def pages(connection: Connection, question: str, key: str, **about: Any) -> Iterator[list[str]]:
    """The keys that a question gives, some at a time, each page from where the one before ended."""
    after = ""
    while rows := run_sql(connection, question, after=after, most=AT_ONCE, **about):
        found = [row[key] for row in rows]
        yield found
        after = found[-1]


def not_done(connection: Connection, place: Place, owners: Collection[str]) -> Iterator[Members]:
    """The families of those of these owners that were not decided yet, if there are any."""
    known = connection.execute(select(DONE.c.owner).where(is_among(DONE.c.owner, owners)))
    left = set(owners) - set(known.scalars())
    if left:
        yield whole(connection, place, of_owners(left))


def some(connection: Connection, place: Place, seeds: Members) -> Iterator[Members]:
    """The families of some, a few at a time; who was ``done`` with others is passed."""
    names = [("customer", id) for id in sorted(seeds.customers)]
    names += [("subscription", id) for id in sorted(seeds.subscriptions)]
    names += [("stripe", id) for id in sorted(seeds.stripe)]
    seen = Members()
    for begin in range(0, len(names), AT_ONCE):
        these = Members()
        for kind, id in names[begin : begin + AT_ONCE]:
            these.add(kind, id)
        found = whole(connection, place, these.without(seen))
        seen.take(found)
        if found.customers or found.subscriptions:  # what others have in Stripe is nobody's to decide
            yield found


def of_owners(owners: Iterable[str]) -> Members:
    """The members of these link keys."""
    found = Members()
    for owner in owners:
        found.add("link", owner)
    return found
