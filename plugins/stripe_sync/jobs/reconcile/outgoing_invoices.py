"""The invoices of subscriptions whose cancellation waits for a person, read while the plan is made: the decision is about them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from msgspec import structs

from stripe_sync.apply.links import LinkIndex
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.nested_lists import with_lines
from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError, Transient
from stripe_sync.core.lanes import Lane
from stripe_sync.domain.actual.endings import Collected, collected, unowed
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.plan import outgoing_invoices
from stripe_sync.domain.plan.actions import Action, ActionKind, Plan
from stripe_sync.domain.plan.guards import Decision, GuardResult
from stripe_sync.jobs.runtime.context import Session

MOST: Final = 200  # cancellations of which the invoices are read; a person reads no more of them one by one
UNREAD: Final = "Its invoices were not read: look at them in Stripe before you decide."


def with_invoices(
    session: Session, made: Plan, guarded: Iterable[GuardResult], link_index: LinkIndex, *, now: datetime
) -> Plan:
    """Return the plan whose waiting cancellations say which invoices are collected and which are stopped.

    The set of actions stays the same: a sentence is no part of a hash.
    """
    waiting = {hash for group in guarded if group.decision == Decision.WAIT for hash in group.actions}
    left = MOST
    actions = []
    for action in made.actions:
        if action.kind == ActionKind.SUBSCRIPTION_CANCEL and action.hash in waiting:
            says = sentences(session, action, link_index, now) if left else UNREAD
            action = structs.replace(action, sentence=f"{action.sentence}. {says}")
            left = max(left - 1, 0)
        actions.append(action)
    return structs.replace(made, actions=actions)


def sentences(session: Session, action: Action, link_index: LinkIndex, now: datetime) -> str:
    """Return the sentences on the invoices of one cancellation; where they cannot be read, that."""
    ours = action.noted.get("own_stops", ())
    try:
        id = link_index.resolve(action.target)
        found = list(unfinished(session.stripe.in_lane(Lane.SUBSCRIPTIONS), id, ours))
    except (EntityError, Transient):
        return UNREAD
    not_owed = unowed(found, id, action.after.get("ended_in_stigg"))
    return outgoing_invoices.sentences(found, not_owed=not_owed, now=epoch(now))


def unfinished(api: StripeApi, subscription: str, ours: Sequence[str]) -> Iterator[Collected]:
    """Yield the drafts and open invoices of a subscription; ``ours`` are the ids of the drafts that we stopped."""
    for status in ("draft", "open"):
        for page in api.pages(PATHS["invoice"], subscription=subscription, status=status):
            invoices = [from_stripe(with_lines(api, row), StripeInvoice) for row in page]
            yield from (replace(collected(invoice), is_ours=invoice.id in ours) for invoice in invoices)
