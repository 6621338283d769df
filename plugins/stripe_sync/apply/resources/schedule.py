"""Subscription schedules: released, so that the subscription goes on without its schedule."""

from __future__ import annotations

from stripe_sync.apply.resource import Call, Handler
from stripe_sync.apply.resources.subscription import SUBSCRIPTION
from stripe_sync.clients.stripe.answers import Written
from stripe_sync.domain.plan.actions import ActionKind


def _release(call: Call, key: str) -> Written:
    """Release the schedule that the plan saw; the answer is the subscription without it."""
    held = SUBSCRIPTION.read(call)
    SUBSCRIPTION.check_before(call, held)
    schedule = held.object["schedule"]
    written = call.api.write(
        "post /v1/subscription_schedules/{id}/release",
        lambda c, o: c.v1.subscription_schedules.release(schedule, {}, o),
        idempotency_key=key,
    )
    return Written(SUBSCRIPTION.read(call).object, written.request_id)


HANDLERS = {ActionKind.SCHEDULE_RELEASE: Handler(SUBSCRIPTION, _release, SUBSCRIPTION.recover_update)}
