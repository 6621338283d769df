"""Changes in Stripe since a time, from its events (BILLING's mirror, DESIGN 6).

Events arrive in any order and sometimes twice. Only the ids in them are used, because their bodies may have another API
version: each object is read again by id, except those whose last change was our own write, whose answer is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import msgspec

from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.decoding import typed

OVERLAP = timedelta(minutes=10)
REACH = timedelta(days=29)  # Stripe keeps events for 30 days
# A request may have at most twenty types; drafts of renewals are found by listing the drafts again.
TYPES = (
    "product.created",
    "product.updated",
    "product.deleted",
    "price.created",
    "price.updated",
    "coupon.created",
    "coupon.updated",
    "coupon.deleted",
    "customer.created",
    "customer.updated",
    "customer.deleted",
    "customer.subscription.created",
    "customer.subscription.updated",
    "customer.subscription.deleted",
    "customer.subscription.paused",
    "customer.subscription.resumed",
    "invoice.created",
    "invoice.finalized",
    "invoice.voided",
    "credit_note.created",
)
# Fields that change without an event and do not affect decisions.
NOISE = ("times_redeemed", "balance", "delinquent", "next_invoice_sequence", "updated", "latest_invoice")


class EventObject(msgspec.Struct, frozen=True):
    """The object of an event, and the invoice of a credit note."""

    id: str
    invoice: str | None = None


class EventData(msgspec.Struct, frozen=True):
    """The data of an event."""

    object: EventObject


class EventRequest(msgspec.Struct, frozen=True):
    """The request that caused an event."""

    idempotency_key: str | None = None


class Event(msgspec.Struct, frozen=True):
    """A change in Stripe; only the ids in its body are used."""

    id: str
    type: str
    created: int
    data: EventData
    request: EventRequest | None = None

    @property
    def kind(self) -> str:
        """Return the kind of the object."""
        return "subscription" if self.type.startswith("customer.subscription.") else self.type.partition(".")[0]

    @property
    def key(self) -> tuple[str, str]:
        """Return (kind, id) of the object."""
        return self.kind, self.data.object.id

    def is_by(self, own: str) -> bool:
        """Return whether the idempotency key of the request has a prefix."""
        return self.request is not None and (self.request.idempotency_key or "").startswith(own)


@dataclass
class Changes:
    """Changed objects as (kind, id): by others and by us, and the new events by id."""

    others: set[tuple[str, str]] = field(default_factory=set)
    ours: set[tuple[str, str]] = field(default_factory=set)
    drafts: bool = False
    taken_back: set[str] = field(default_factory=set)  # invoices that were voided or credited
    events: dict[str, datetime] = field(default_factory=dict)


def listed(api: StripeApi, since: datetime) -> Iterator[Event]:
    """Yield the events since a time, with an overlap; newest first."""
    for page in api.pages("/v1/events", created={"gte": epoch(since - OVERLAP)}, types=list(TYPES)):
        yield from (typed(row, Event) for row in page)


def changes(events: Iterable[Event], *, new: set[str], own: str) -> Changes:
    """Return the changed objects of new events. ``own`` is the prefix of this warehouse's idempotency keys."""
    found = Changes()
    for event in events:
        if event.id not in new:
            continue
        found.events[event.id] = from_epoch(event.created)
        ours, named = event.is_by(own), event.data.object
        if event.type in ("invoice.voided", "credit_note.created"):
            found.taken_back.add(named.id if event.kind == "invoice" else str(named.invoice))
        elif event.kind == "invoice":
            found.drafts |= not ours
        elif ours:
            found.ours.add(event.key)
        else:
            found.others.add(event.key)
    return found
