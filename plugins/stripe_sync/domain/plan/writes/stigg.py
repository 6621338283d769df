"""Actions in Stigg: what was canceled in Stripe is canceled there, in a lane of its own with its own limits (BILLING 7)."""

from __future__ import annotations

from collections.abc import Iterator

from stripe_sync.core.lanes import Lane
from stripe_sync.domain.drift.difference import Changed, Difference
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.plan.writes.context import Draft


def build_stigg_subscription(draft: Draft, d: Difference) -> Iterator[Action]:
    """At once and without proration: Stripe has settled the money already."""
    if not isinstance(d, Changed):
        return
    yield draft.action(
        d,
        ActionKind.STIGG_CANCEL,
        Lane.CANCELLATIONS,
        {"ended": True},
        before={"ended": None},
        cause="canceled_in_stripe",
        verb="Cancel in Stigg:",
        serial=str(d.actual.facts["customer"]),
    )
