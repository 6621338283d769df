"""Cancellation of a subscription: open invoices are noted before it, and the collection of owed ones is restored after it.

``prepare`` runs before the intent is committed, ``finish`` after the call. If a run is killed between them, the next run
finishes from the intent's noted facts.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from stripe_sync.apply.cancellation.finish import finish
from stripe_sync.apply.cancellation.prepare import prepare
from stripe_sync.apply.resource import Call, Handler
from stripe_sync.apply.resources.subscription import SUBSCRIPTION
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.endpoints import EXPANDED
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.plan.actions import ActionKind

if TYPE_CHECKING:
    from stripe.params import SubscriptionCancelParams


def cancel(call: Call, key: str) -> Written:
    """Cancel a subscription that still equals the plan's state before; do nothing if it has ended.

    Stripe creates no invoice and no credit: owed amounts are billed by our own lines (BILLING 7).
    """
    held = SUBSCRIPTION.read(call)
    if held.object["status"] in ENDED_STATUSES:
        return Written(held.object, None)
    SUBSCRIPTION.check_before(call, held)
    id = call.id
    params: SubscriptionCancelParams = {
        "invoice_now": False,
        "prorate": False,
        "cancellation_details": {"comment": "Ended in Stigg."},
        "expand": EXPANDED["subscription"],
    }
    return call.api.write(
        "delete /v1/subscriptions/{id}",
        lambda c, options: c.v1.subscriptions.cancel(id, params, options),
        idempotency_key=key,
    )


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    """Yield the subscription if an unrecorded call has canceled it."""
    held = SUBSCRIPTION.read(call)
    if held.object["status"] == call.action.after["status"]:
        yield held


HANDLERS = {ActionKind.SUBSCRIPTION_CANCEL: Handler(SUBSCRIPTION, cancel, _recover, prepare, finish)}
