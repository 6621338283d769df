"""Cancel a subscription: what is collected of its customer is noted before, and given back to what is owed after.

``prepare`` runs before the intent is committed, ``finish`` after the call; a run that was killed between them is finished
from what its intent noted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from stripe_sync.apply.cancellation.finish import finish
from stripe_sync.apply.cancellation.prepare import prepare
from stripe_sync.apply.resource import Call, Handler
from stripe_sync.apply.resources.subscription import SUBSCRIPTION
from stripe_sync.clients.stripe.client import Found, Written
from stripe_sync.clients.stripe.endpoints import WHOLE
from stripe_sync.domain.actual.stripe_objects import GONE
from stripe_sync.domain.plan.actions import ActionKind

if TYPE_CHECKING:
    from stripe.params import SubscriptionCancelParams


def cancel(call: Call, key: str) -> Written:
    """End a subscription that still bills what the plan saw; one that ended already is done.

    Never by an invoice or a credit of Stripe's own making: what is owed is billed by own lines (BILLING 7).
    """
    held = SUBSCRIPTION.read(call)
    if held.object["status"] in GONE:
        return Written(held.object, None)
    SUBSCRIPTION.check_before(call, held)
    id = call.id
    params: SubscriptionCancelParams = {
        "invoice_now": False,
        "prorate": False,
        "cancellation_details": {"comment": "Ended in Stigg."},
        "expand": WHOLE["subscription"],
    }
    return call.api.write(
        "delete /v1/subscriptions/{id}",
        lambda c, options: c.v1.subscriptions.cancel(id, params, options),
        idempotency_key=key,
    )


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    """Yield the subscription if a call that nobody recorded has canceled it."""
    held = SUBSCRIPTION.read(call)
    if held.object["status"] == call.action.after["status"]:
        yield held


HANDLERS = {ActionKind.SUBSCRIPTION_CANCEL: Handler(SUBSCRIPTION, cancel, _recover, prepare, finish)}
