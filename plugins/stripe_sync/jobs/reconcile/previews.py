"""Previews by Stripe of the amounts that creations and changes invoice at once, for a plan (BILLING 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import UNSET

from stripe_sync.apply.links import LinkIndex
from stripe_sync.apply.resource import Call
from stripe_sync.apply.resources import subscription
from stripe_sync.clients.stripe.parameters.subscriptions import (
    InvoicePreview,
    NewSubscription,
    PreviewAnchor,
    PreviewDetails,
    SubscriptionChange,
)
from stripe_sync.core.errors import EntityError, Transient
from stripe_sync.domain.drift.difference import Difference, Existing
from stripe_sync.domain.plan.actions import Action, ActionKind, Plan
from stripe_sync.jobs.runtime.context import Session

# More previews than these take too long; the other actions keep the computed amount.
PREVIEWS: Final = 200


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


def preview_params(call: Call, d: Difference | None) -> InvoicePreview | None:
    """Return the parameters of a preview; None where the write charges nothing now or refers to an object to be created."""
    action = call.action
    if not action.due_now:
        return None
    try:
        if action.kind == ActionKind.SUBSCRIPTION_CREATE:
            return of_creation(subscription.creation(call))
        if action.kind == ActionKind.SUBSCRIPTION_UPDATE and action.after.get("proration_behavior") == "always_invoice":
            current = subscription.current_parts(d.actual) if isinstance(d, Existing) else subscription.CurrentParts()
            return of_change(call.id, subscription.changes(call, current))
    except EntityError:
        return None
    return None


def of_creation(params: NewSubscription) -> InvoicePreview:
    """Return the preview of a creation with these parameters: its anchor is an object, its one-off items are of the invoice."""
    anchor = params.billing_cycle_anchor
    details = PreviewDetails(
        items=params.items,
        billing_mode=params.billing_mode,
        proration_behavior=params.proration_behavior,
        cancel_at=params.cancel_at,
        billing_cycle_anchor=UNSET if anchor is UNSET else PreviewAnchor(timestamp=anchor),
        start_date=params.backdate_start_date,
    )
    return InvoicePreview(
        customer=params.customer,
        subscription_details=details,
        discounts=params.discounts,
        automatic_tax=params.automatic_tax,
        invoice_items=params.add_invoice_items,
    )


def of_change(id: str, params: SubscriptionChange) -> InvoicePreview:
    """Return the preview of a change of items with these parameters."""
    details = PreviewDetails(
        items=params.items,
        billing_cycle_anchor=params.billing_cycle_anchor,
        proration_behavior=params.proration_behavior,
        proration_date=params.proration_date,
    )
    return InvoicePreview(subscription=id, subscription_details=details)


def with_preview(session: Session, action: Action, params: InvoicePreview) -> Action:
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
    return msgspec.structs.replace(action, due_now={invoice.currency: invoice.amount})
