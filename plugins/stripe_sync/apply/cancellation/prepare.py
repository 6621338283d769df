"""Facts that are noted before a cancellation: open invoices of the customer, and pending items."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from msgspec import structs

from stripe_sync.apply.cancellation.after_end import with_sums
from stripe_sync.apply.cancellation.pending_items import noted
from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources.subscription import SUBSCRIPTION
from stripe_sync.clients.stripe.answers import Found
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.nested_lists import with_lines
from stripe_sync.core import ownership
from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError
from stripe_sync.core.ownership import Signer
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.billing_periods import natural_end, renewed_at
from stripe_sync.domain.actual.endings import MINUTE, Collected, Ending, EndingStep, collected, decide, unowed
from stripe_sync.domain.actual.pending_items import Pending, pending
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.actual.unowed_invoices import renews_soon, sold_after
from stripe_sync.domain.actual.unused_time import unused, unused_pending
from stripe_sync.domain.model.stripe_invoices import StripeInvoice, StripeInvoiceItem
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.plan.actions import Action

Row = dict[str, Any]
INVOICES, ITEMS = PATHS["invoice"], PATHS["invoiceitem"]
YEAR = 367 * 86_400  # no period is longer


def prepare(call: Call, now: datetime) -> Action:
    """Return the action with its noted facts. Raises EntityError ``WAITS_FOR_INVOICE`` where it is too early to cancel."""
    api, action, signer = call.api, call.action, call.links.signer
    found = SUBSCRIPTION.read(call)
    held = from_stripe(found.object, StripeSubscription)
    if held.status not in ENDED_STATUSES:
        SUBSCRIPTION.check_before(call, found)
    end = action.after.get("ended_in_stigg")
    invoices = [from_stripe(with_lines(api, found.object), StripeInvoice) for found in _invoices(api, held, end)]
    ours = action.noted.get("own_stops", ())
    seen = [replace(collected(row), is_ours=row.id in ours) for row in invoices]
    if held.status not in ENDED_STATUSES:
        _refuse_early(action, held, seen, now)
    waiting = _pending_items(api, held, signer)
    noted_facts: Row = {"collected": [asdict(i) for i in seen], "pending": noted(waiting), "customer": held.customer}
    not_owed = unowed(seen, held.id, end)
    renewals = (with_sums(row, end, signer) for row in invoices if end and row.id in not_owed)
    sold = [asdict(part) for part in sold_after(renewals, not_owed=not_owed)]
    if held.status not in ENDED_STATUSES and renews_soon(_next_renewal(held), epoch(now)):
        noted_facts |= {"renews_soon": True}
    return structs.replace(action, noted=noted_facts | {"sold_after": sold} | _unused(call, held, waiting))


def _invoices(api: StripeApi, held: StripeSubscription, end: int | None) -> Iterable[Found]:
    """Return the customer's drafts and open invoices, the subscription's newest, and those after its end."""
    found = {one.object["id"]: one for one in _unfinished(api, held.customer)}
    latest = held.newest_invoice()
    if latest and latest not in found:
        found[latest] = Found(api.get(f"{INVOICES}/{latest}"))
    found |= {one.object["id"]: one for one in _renewed_since(api, held.id, end)}
    return found.values()


def _unused(call: Call, held: StripeSubscription, waiting: Sequence[Pending]) -> Row:
    """Return the unused paid time and the billed pending items after the end; empty where the end is uncertain."""
    api, action = call.api, call.action
    end = action.after.get("ended_in_stigg")
    if end is None or action.after.get("ended_between"):
        return {}
    since = {"gte": end - YEAR}
    rows = (row for page in api.pages(INVOICES, subscription=held.id, created=since) for row in page)
    left = unused((from_stripe(with_lines(api, row), StripeInvoice) for row in rows), end)
    return {"unused_pending": unused_pending(waiting, end)} | ({"unused": asdict(left)} if left is not None else {})


def _refuse_early(action: Action, subscription: StripeSubscription, seen: list[Collected], now: datetime) -> None:
    """Decide again from Stripe's current state; the plan has checked that usage is verified."""
    moment = epoch(now)
    decision = decide(
        Ending(
            end=action.after.get("ended_in_stigg") or moment,
            renewed=renewed_at(subscription),
            next_renewal=moment if (renewal := _next_renewal(subscription)) is None else renewal,
            now=moment,
            invoices=tuple(i for i in seen if i.subscription == subscription.id),
        )
    )
    if decision.kind != EndingStep.CANCEL:
        raise EntityError(ReasonCode.WAITS_FOR_INVOICE, decision.why)


def _next_renewal(subscription: StripeSubscription) -> int | None:
    """Return the earliest end of an item's current period without ``cancel_at``; None without items."""
    return min((natural_end(subscription, i) for i in subscription.items.data), default=None)


def _unfinished(api: StripeApi, customer: str) -> Iterator[Found]:
    """Yield the drafts and open invoices of a customer."""
    for status in ("draft", "open"):
        for page in api.pages(INVOICES, customer=customer, status=status):
            yield from map(Found, page)


def _renewed_since(api: StripeApi, subscription: str, end: int | None) -> Iterator[Found]:
    """Yield a subscription's invoices since its end; a late run may find several renewals."""
    if end is not None:
        for page in api.pages(INVOICES, subscription=subscription, created={"gte": end - MINUTE}):
            yield from map(Found, page)


def _pending_items(api: StripeApi, held: StripeSubscription, signer: Signer) -> list[Pending]:
    """Return a subscription's pending items, each with the tax behaviour of its price."""
    items = _pending_of(api, held)
    prices = {id: api.find(f"{PATHS['price']}/{id}") for id in {item.price() for item in items} if id}
    behavior = {id: (price or {}).get("tax_behavior") or "" for id, price in prices.items()}
    known = {id: "" if found == "unspecified" else found for id, found in behavior.items()}
    return [
        pending(item, has_marker=_has_marker(item.metadata, signer), behavior=known.get(item.price() or "", ""))
        for item in items
    ]


def _pending_of(api: StripeApi, held: StripeSubscription) -> list[StripeInvoiceItem]:
    """Return the pending invoice items that belong to a subscription."""
    pages = api.pages(ITEMS, customer=held.customer, pending=True)
    items = (from_stripe(row, StripeInvoiceItem) for page in pages for row in page)
    return [item for item in items if item.subscription() == held.id]


def _has_marker(metadata: Mapping[str, str] | None, signer: Signer) -> bool:
    """Return whether an item's metadata has our valid ownership marker."""
    return signer.key_of((metadata or {}).get(ownership.FIELD)) is not None
