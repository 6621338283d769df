"""Amounts of a plan that Stripe previews: what creations and changes invoice at once (BILLING 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.previews import preview
from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources import subscription
from stripe_sync.core.errors import EntityError, Transient
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.drift.difference import Difference, Existing
from stripe_sync.domain.plan.actions import Action, Plan
from stripe_sync.domain.plan.due_amounts import invoices_at_once
from stripe_sync.jobs.runtime.context import Session

# More previews than these take too long; the other actions keep the computed amount.
PREVIEWS: Final = 200


def previewed(session: Session, made: Plan, differences: Sequence[Difference], link_index: LinkIndex) -> Plan:
    """Return the plan with ``due_now`` as Stripe computes it, where the objects of a write exist already.

    A write whose preview Stripe refused keeps the refusal: it is that row's error, and the others go on.
    """
    by_key = {d.key: d for d in differences}
    left = PREVIEWS
    actions = []
    for action in made.actions:
        if left and invoices_at_once(action):
            left -= 1
            action = with_preview(Call(session.stripe, action, link_index), by_key.get(action.target))
        actions.append(action)
    return msgspec.structs.replace(made, actions=actions)


def with_preview(call: Call, d: Difference | None) -> Action:
    """Return the action with Stripe's own amount, or with the reason for which Stripe refused to preview it.

    A write that depends on others of its plan may be refused only because those were not made yet: it keeps the amount
    that was computed, as one does for which Stripe had no answer, and is previewed before it is sent.
    """
    action = call.action
    current = subscription.current_parts(d.actual) if isinstance(d, Existing) else subscription.CurrentParts()
    try:
        found = preview(call, current)
    except EntityError as refused:
        waits = action.depends_on or refused.reason == ReasonCode.BLOCKED_BY
        return action if waits else msgspec.structs.replace(action, refused=refused.detail)
    except Transient:
        return action
    return msgspec.structs.replace(action, due_now={found.currency: found.amount}, is_previewed=True)
