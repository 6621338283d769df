"""Table of action kinds: the handlers of all modules of ``resources``."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from stripe_sync.apply.cancellation import cancel
from stripe_sync.apply.resource import Call, Handler
from stripe_sync.apply.resources import (
    checkout_session,
    coupon,
    customer,
    invoice,
    invoice_item,
    meter_event,
    price,
    product,
    schedule,
    stigg_customer,
    stigg_subscription,
    subscription,
)
from stripe_sync.clients.stripe.answers import Found
from stripe_sync.domain.plan.actions import ActionKind

HANDLERS: Mapping[ActionKind, Handler] = {
    **product.HANDLERS,
    **price.HANDLERS,
    **coupon.HANDLERS,
    **customer.HANDLERS,
    **subscription.HANDLERS,
    **cancel.HANDLERS,
    **schedule.HANDLERS,
    **invoice.HANDLERS,
    **invoice_item.HANDLERS,
    **meter_event.HANDLERS,
    **checkout_session.HANDLERS,
    **stigg_subscription.HANDLERS,
    **stigg_customer.HANDLERS,
}


def recovered(call: Call, since: datetime) -> Found | None:
    """Return the object that an interrupted call wrote, or None. A created one must have the target's ownership marker."""
    for found in HANDLERS[call.action.kind].recover(call, since):
        if call.is_target(found) or not call.action.kind.is_creation:
            return found
    return None
