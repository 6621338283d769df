"""Families: customers and subscriptions that have to do with each other, found in the mirrors of both sides and the links.

Two are of one family where one pays for the other, where a billing id names what belongs to the other, or where a link or a
Stripe customer is theirs together. Most families are one customer. What is decided of a family depends on no other one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, text

from stripe_sync import keys
from stripe_sync.warehouse import links
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.snapshots import Snapshot

AT_ONCE = 250  # families that are decided together: memory, against the number of questions
KEPT = ("need", "wake", "bills_use")  # tables of what is kept of owners
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

    def __bool__(self) -> bool:
        return bool(self.customers or self.subscriptions or self.stripe)


@dataclass(frozen=True)
class Changes:
    """What has to be decided again: the families of ``members``, and with ``catalog`` everything.

    ``things`` are Stripe's ids of changed products, prices and coupons that nothing links: they decide if Stigg names them.
    """

    members: Members
    catalog: bool
    things: frozenset[str]


def whole(connection: Connection, place: Place, seeds: Members) -> Members:
    """The families of these members, with everybody who belongs to them."""
    found, ahead = Members(), seeds
    while ahead:
        found.take(ahead)
        more = Members()
        for row in run_sql(
            connection,
            "families/kin",
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
    """Room for the owners that a comparison decides, for its transaction."""
    connection.execute(text('create temp table done (owner text collate "C" primary key) on commit drop'))


def done(connection: Connection, owners: Collection[str]) -> None:
    """Notes that these were decided: nobody is decided twice."""
    connection.execute(
        text("insert into done select unnest(cast(:owners as text[])) on conflict do nothing"), {"owners": list(owners)}
    )


def everybody(connection: Connection, place: Place) -> Iterator[Members]:
    """Some families at a time, until everybody is ``done``: customers, subscriptions without one, and who is linked only."""
    about = {"environment": place.environment, "stigg": place.stigg.id, "most": AT_ONCE}
    after = ""
    while rows := run_sql(connection, "families/customers", after=after, **about):
        after = rows[-1]["id"]
        yield whole(connection, place, Members(customers={row["id"] for row in rows}))
    while rows := run_sql(connection, "families/subscriptions", **about):
        yield whole(connection, place, Members(subscriptions={row["id"] for row in rows}))
    while rows := run_sql(connection, "families/owners", environment=place.environment, most=AT_ONCE):
        owners = [row["owner"] for row in rows]
        yield whole(connection, place, of_owners(owners))
        done(connection, owners)  # whatever the key looks like: nobody is asked for twice


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
        if found:
            yield found


def of_owners(owners: Iterable[str]) -> Members:
    """The members of these link keys."""
    found = Members()
    for owner in owners:
        found.add("link", owner)
    return found


def changes(connection: Connection, place: Place, before: int) -> Changes:
    """What changed since a comparison: in both mirrors and among the links, with whom it named before and names now."""
    members, catalog = Members(), False
    stigg, stripe = connection.execute(
        text("select stigg_snapshot, stripe_snapshot from comparison where id = :id"), {"id": before}
    ).one()
    about = {"environment": place.environment}
    for row in run_sql(connection, "families/changed", side="stigg", since=stigg, until=place.stigg.id, **about):
        if row["kind"] in CATALOG:
            catalog = True
            continue
        members.add(row["kind"], row["id"])
        for kind, column in (("customer", "customer"), ("customer", "payer"), ("stripe", "billing_id"), ("stripe", "old_billing_id")):  # fmt: skip
            members.add(kind, row[column])
    things = set()
    for row in run_sql(connection, "families/changed", side="stripe", since=stripe, until=place.stripe.id, **about):
        if row["kind"] in CATALOG:
            things.add(row["id"])
        elif row["kind"] == "invoice":
            members.add("stripe", row["stripe_subscription"])
        else:
            members.add("stripe", row["id"])
            members.add("stripe", row["stripe_customer"])
    linked = {id: key for key, id in links.of_ids(connection, place.environment, things).items()}
    changed = (row["key"] for row in run_sql(connection, "families/changed_links", comparison=before, **about))
    for key in [*linked.values(), *filter(decides, changed)]:
        owner = keys.owner(key)
        members.add("link", owner or None)
        catalog |= not owner
    return Changes(members, catalog, frozenset(things - linked.keys()))


def decides(key: str) -> bool:
    """Whether what a link key names is compared."""
    return key.partition(":")[0] in CATALOG | {"customer", "subscription"}


def waiting(connection: Connection, environment: str, before: int, now: datetime) -> Members:
    """Who is decided again though nothing changed: a moment has come, or something is missing that begins with the time."""
    rows = run_sql(connection, "families/waiting", environment=environment, comparison=before, now=now)
    return of_owners(row["owner"] for row in rows)


def sees(connection: Connection, before: int) -> bool:
    """Whether a comparison can tell which links it has seen: not after the database was restored into a younger one."""
    found: bool | None = connection.execute(
        text("select pg_snapshot_xmax(seen) <= pg_snapshot_xmax(pg_current_snapshot()) from comparison where id = :id"),
        {"id": before},
    ).scalar()
    return bool(found)


def needed(connection: Connection, environment: str) -> frozenset[str]:
    """What of the catalog's past somebody needs."""
    return frozenset(row["what"] for row in run_sql(connection, "families/needed", environment=environment))


def remember(
    connection: Connection,
    environment: str,
    owners: Collection[str],
    *,
    needs: Iterable[tuple[str, str]],
    wakes: Iterable[tuple[str, datetime]],
    bill_use: Collection[str],
) -> None:
    """Keeps of these owners what they need, when time alone may decide something else about them, and who bills use."""
    about = {"e": environment, "owners": list(owners)}
    for table in KEPT:
        connection.execute(text(f"delete from {table} where environment = :e and owner = any(:owners)"), about)
    rows = [{"e": environment, "owner": owner, "what": what} for owner, what in set(needs)]
    if rows:
        connection.execute(text("insert into need (environment, owner, what) values (:e, :owner, :what)"), rows)
    moments = [{"e": environment, "owner": owner, "at": at} for owner, at in wakes]
    if moments:
        connection.execute(text("insert into wake (environment, owner, at) values (:e, :owner, :at)"), moments)
    if bill_use:
        connection.execute(
            text("insert into bills_use (environment, owner) select :e, unnest(cast(:owners as text[]))"),
            {"e": environment, "owners": sorted(bill_use)},
        )


def bill_use(connection: Connection, environment: str) -> Members:
    """Whose use is billed, or cannot be counted, as the newest comparison came to it."""
    return of_owners(
        connection.execute(text("select owner from bills_use where environment = :e"), {"e": environment}).scalars()
    )


def forget_absent(connection: Connection, environment: str) -> None:
    """Forgets what was kept of everybody who is no more, after everybody was decided."""
    for table in KEPT:
        connection.execute(
            text(
                f"delete from {table} as t where t.environment = :e and not exists "
                "(select 1 from done where done.owner = t.owner)"
            ),
            {"e": environment},
        )


def intruders(connection: Connection, place: Place, *, first_write: int, mark: str, after: int = 0) -> list[str]:
    """Objects with Stigg's metadata, without our mark, newer than our first write, that came after a snapshot, by id."""
    rows = run_sql(
        connection,
        "families/intruders",
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
