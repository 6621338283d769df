"""What is another than a comparison saw it: rows of both mirrors, links, moments that have come; and what must not be there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from stripe_sync import keys
from stripe_sync.warehouse import links
from stripe_sync.warehouse.engine import run_sql
from stripe_sync.warehouse.families import CATALOG, Members, Place, of_owners


@dataclass(frozen=True)
class Changes:
    """What has to be decided again: the families of ``members``, and with ``catalog`` everything.

    ``things`` are Stripe's ids of changed products, prices and coupons that nothing links: they decide if Stigg names them.
    """

    members: Members
    catalog: bool
    things: frozenset[str]


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
