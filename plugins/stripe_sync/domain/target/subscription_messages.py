"""Messages of subscriptions that are in Stripe as they should be: disabled tax, moved renewals, a pause, an end in a later period."""

from __future__ import annotations

from stripe_sync.core.clock import from_epoch
from stripe_sync.domain.actual.billing_periods import renewals
from stripe_sync.domain.actual.taxes import switched_off
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.target.timing import cancel_at, ends_at

SHIFTED = "Its period ends at {:%Y-%m-%d %H:%M} UTC, and at {:%Y-%m-%d %H:%M} UTC by its anchor before its end was removed. Correct its billing cycle in Stripe."


def untaxed(inputs: Inputs, subscription: Subscription) -> str:
    """Return the message about automatic tax that Stripe disabled; empty if tax is off in the settings or on in Stripe."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    return switched_off(held) if inputs.environment.stripe.tax else ""


def shifted_period(inputs: Inputs, subscription: Subscription) -> str:
    """Return the message about renewals that moved when an end was removed, else an empty text (BILLING 7)."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    found = renewals(held) if held is not None else None
    return SHIFTED.format(*found) if found is not None and found[0] != found[1] else ""


def paused(inputs: Inputs, subscription: Subscription) -> str:
    """Return the message about a pause in Stripe, which no run ends; else an empty text (BILLING 7)."""
    key = inputs.link_key("subscription", subscription.subscription_id)
    held = inputs.stripe.subscriptions.get(inputs.links.ids.get(key, ""))
    pause = held.pause() if held is not None else None
    return f"It is paused in Stripe ({pause}). Resume it there, or cancel it in Stigg." if pause else ""


def ends_later(inputs: Inputs, subscription: Subscription) -> str:
    """Return the message about an end in a later period, which is set in that period; else an empty text (BILLING 7)."""
    held = inputs.stripe.subscriptions.get(
        inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id), "")
    )
    end = ends_at(inputs, subscription)
    if end is None or held is None or cancel_at(inputs, subscription, held) is not None:
        return ""
    return f"It ends at {from_epoch(end):%Y-%m-%d %H:%M} UTC; the end is set in Stripe in the period in which it lies."
