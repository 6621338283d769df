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
from stripe_sync.core.errors import EntityError
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.plan.actions import ActionKind

COMMENT = "Ended in Stigg."  # stands on our cancellations in Stripe

if TYPE_CHECKING:
    from stripe.params import SubscriptionCancelParams


def cancel(call: Call, key: str) -> Written:
    """Cancel a subscription that still equals the plan's state before; do nothing if it has ended.

    Stripe creates no invoice and no credit: owed amounts are billed by our own lines (BILLING 7). A DELETE has no idempotency
    key (SB 7.1), so its repetition after a lost answer is a 404 (SB 2.8): the subscription is read again.
    """
    held = SUBSCRIPTION.read(call)
    if held.object["status"] in ENDED_STATUSES:
        return Written(held.object, None)
    SUBSCRIPTION.check_before(call, held)
    id = call.id
    params: SubscriptionCancelParams = {
        "invoice_now": False,
        "prorate": False,
        "cancellation_details": {"comment": COMMENT},
        "expand": EXPANDED["subscription"],
    }
    try:
        return call.api.write(
            "delete /v1/subscriptions/{id}",
            lambda c, options: c.v1.subscriptions.cancel(id, params, options),
            idempotency_key=key,
        )
    except EntityError as refused:
        if not refused.is_missing:
            raise
        return _canceled_before(call, refused)


def _canceled_before(call: Call, refused: EntityError) -> Written:
    """Return the subscription if it is canceled now, by a call without an answer or by another party. Raises ``refused`` otherwise."""
    held = SUBSCRIPTION.read(call).object
    if held["status"] not in ENDED_STATUSES:
        raise refused
    is_ours = (held.get("cancellation_details") or {}).get("comment") == COMMENT
    note = "Its first answer was lost." if is_ours else "Another party canceled it at the same time."
    return Written(held, None, note=note)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    """Yield the subscription if an unrecorded call has canceled it."""
    held = SUBSCRIPTION.read(call)
    if held.object["status"] == call.action.after["status"]:
        yield held


HANDLERS = {ActionKind.SUBSCRIPTION_CANCEL: Handler(SUBSCRIPTION, cancel, _recover, prepare, finish)}
