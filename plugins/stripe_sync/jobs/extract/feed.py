"""Changes in Stripe since a time, from its events (BILLING's mirror, DESIGN 6).

Events arrive in any order and sometimes twice. Only the ids in them are used, because their bodies may have another API
version: each object is read again by id, except those whose last change was our own write, whose answer is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core.clock import epoch, from_epoch

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


@dataclass
class Changes:
    """Changed objects as (kind, id): by others and by us, and the new events by id."""

    others: set[tuple[str, str]] = field(default_factory=set)
    ours: set[tuple[str, str]] = field(default_factory=set)
    drafts: bool = False
    taken_back: set[str] = field(default_factory=set)  # invoices that were voided or credited
    events: dict[str, datetime] = field(default_factory=dict)


def kind_of(type: str) -> str:
    """Return the kind of object of an event type."""
    if type.startswith("customer.subscription."):
        return "subscription"
    return type.partition(".")[0]


def listed(api: StripeApi, since: datetime) -> Iterator[dict[str, Any]]:
    """Yield the events since a time, with an overlap; newest first."""
    for page in api.pages("/v1/events", created={"gte": epoch(since - OVERLAP)}, types=list(TYPES)):
        yield from page


def changes(events: Iterator[dict[str, Any]], *, new: set[str], own: str) -> Changes:
    """Return the changed objects of new events. ``own`` is the prefix of this warehouse's idempotency keys."""
    found = Changes()
    for event in events:
        if event["id"] not in new:
            continue
        found.events[event["id"]] = from_epoch(event["created"])
        named = (kind_of(event["type"]), named_id(event))
        ours = str((event.get("request") or {}).get("idempotency_key") or "").startswith(own)
        if event["type"] in ("invoice.voided", "credit_note.created"):
            found.taken_back.add(named_id(event) if named[0] == "invoice" else str(event["data"]["object"]["invoice"]))
        elif named[0] == "invoice":
            found.drafts |= not ours
        elif ours:
            found.ours.add(named)
        else:
            found.others.add(named)
    return found


def named_id(event: Mapping[str, Any]) -> str:
    """Return the id of an event's object, the only value of its body that is used."""
    return str(event["data"]["object"]["id"])
