"""Previews by Stripe of the amounts that creations and changes invoice at once, for a plan (BILLING 6)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import msgspec

from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources import subscription
from stripe_sync.core.errors import EntityError, Transient
from stripe_sync.domain.drift.difference import Difference, Existing
from stripe_sync.domain.plan.actions import Action, ActionKind, Plan
from stripe_sync.jobs.runtime.context import Session

Params = dict[str, Any]

# More previews than these take too long; the other actions keep the computed amount.
PREVIEWS: Final = 200
DETAILS: Final = ("items", "billing_mode", "proration_behavior", "cancel_at")
OPTIONAL_DETAILS: Final = ("discounts", "automatic_tax")


def previewed(session: Session, made: Plan, differences: Sequence[Difference], link_index: LinkIndex) -> Plan:
    """Return the plan with ``due_now`` as Stripe computes it, where what it is about exists already.

    A write whose preview Stripe refused keeps the refusal: it is that row's error, and the others go on.
    """
    by_key = {d.key: d for d in differences}
    left = PREVIEWS
    actions = []
    for action in made.actions:
        params = preview_params(Call(session.stripe, action, link_index), by_key.get(action.target)) if left else None
        if params is not None:
            left -= 1
            action = with_preview(session, action, params)
        actions.append(action)
    return msgspec.structs.replace(made, actions=actions)


def preview_params(call: Call, d: Difference | None) -> Params | None:
    """Return the parameters of a preview; None where the write charges nothing now or refers to an object to be created."""
    action = call.action
    if not action.due_now:
        return None
    try:
        if action.kind == ActionKind.SUBSCRIPTION_CREATE:
            return of_creation(subscription.creation(call))
        if action.kind == ActionKind.SUBSCRIPTION_UPDATE and action.after.get("proration_behavior") == "always_invoice":
            facts: Mapping[str, Any] = d.actual.facts if isinstance(d, Existing) else {}
            return of_change(call.id, subscription.changes(call, facts))
    except EntityError:
        return None
    return None


def of_creation(params: Mapping[str, Any]) -> Params:
    """Return the preview of a creation with these parameters: its anchor is an object, its one-off items are of the invoice."""
    details = {name: params[name] for name in DETAILS if name in params}
    details["billing_cycle_anchor"] = {"type": "timestamp", "timestamp": params["billing_cycle_anchor"]}
    if "backdate_start_date" in params:
        details["start_date"] = params["backdate_start_date"]
    beside = {name: params[name] for name in OPTIONAL_DETAILS if name in params}
    if "add_invoice_items" in params:
        beside["invoice_items"] = params["add_invoice_items"]
    return {"customer": params["customer"], "subscription_details": details, **beside}


def of_change(id: str, params: Mapping[str, Any]) -> Params:
    """Return the preview of a change of items with these parameters."""
    names = ("items", "billing_cycle_anchor", "proration_behavior", "proration_date")
    return {"subscription": id, "subscription_details": {name: params[name] for name in names if name in params}}


def with_preview(session: Session, action: Action, params: Params) -> Action:
    """Return the action with Stripe's own amount, or with the reason for which Stripe refused to preview it.

    A write that depends on others of its plan may be refused only because those were not made yet: it keeps the amount
    that was computed, as one does for which Stripe had no answer.
    """
    try:
        invoice = session.stripe.preview(params)
    except EntityError as refused:
        return action if action.depends_on else msgspec.structs.replace(action, refused=refused.detail)
    except Transient:
        return action
    return msgspec.structs.replace(action, due_now={invoice["currency"]: Decimal(invoice["total"])})
