"""Readers of the objects of a snapshot, by kind; each object is decoded to the type that its reader asks for."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from stripe_sync.core.decoding import from_stigg, from_stripe
from stripe_sync.warehouse.snapshots import snapshots
from stripe_sync.warehouse.snapshots.snapshots import Snapshot

Entity = TypeVar("Entity")
ALL = frozenset({"product", "plan", "addon", "coupon", "price", "customer", "subscription", "invoice"})
ID_FIELDS = {
    "product": "refId",
    "plan": "refId",
    "addon": "refId",
    "coupon": "refId",
    "customer": "customerId",
    "subscription": "subscriptionId",
}


@dataclass(frozen=True)
class StoredObject:
    """An object of a snapshot as its side showed it."""

    kind: str
    body: dict[str, Any]

    @property
    def stigg_id(self) -> str:
        """Return the id of an entity in Stigg."""
        return str(self.body.get(ID_FIELDS[self.kind]))

    @property
    def stripe_id(self) -> str:
        """Return the id of an object in Stripe."""
        return str(self.body["id"])

    @property
    def is_deleted(self) -> bool:
        """Return whether Stripe shows the object as deleted."""
        return bool(self.body.get("deleted"))

    def as_entity(self, type: type[Entity]) -> Entity:
        """Return the entity in Stigg. Raises EntityError ``UNKNOWN_SHAPE``."""
        return from_stigg(self.body, type)

    def as_object(self, type: type[Entity]) -> Entity:
        """Return the object in Stripe. Raises EntityError ``UNKNOWN_SHAPE``."""
        return from_stripe(self.body, type)


Reader = Callable[[str], Iterable[StoredObject]]  # returns the objects of a kind


def every(connection: Connection, snapshot: Snapshot, kinds: Collection[str] = ALL) -> Reader:
    """Return a reader of all objects of these kinds in a snapshot."""
    return lambda kind: stored(kind, snapshots.bodies(connection, snapshot, kind) if kind in kinds else ())


def those(connection: Connection, snapshot: Snapshot, ids: Mapping[str, Collection[str]]) -> Reader:
    """Return a reader of the objects with these ids, by kind, in a snapshot."""
    return lambda kind: stored(kind, snapshots.bodies_of(connection, snapshot, kind, ids.get(kind, ())))


def invoices_of(connection: Connection, snapshot: Snapshot, subscriptions: Collection[str]) -> Iterator[StoredObject]:
    """Yield the invoices of these Stripe subscriptions in a snapshot."""
    return stored("invoice", snapshots.invoices_of(connection, snapshot, subscriptions))


def stored(kind: str, bodies: Iterable[dict[str, Any]]) -> Iterator[StoredObject]:
    """Yield bodies as objects of a kind."""
    return (StoredObject(kind, body) for body in bodies)
