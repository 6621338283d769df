"""Start, end and time of change of subscriptions in Stripe's form, Unix seconds (BILLING 6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from stripe_sync.core import periods
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.domain.actual.billing_periods import ANCHOR, natural_end
from stripe_sync.domain.actual.endings import end_in_period
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stigg_status import StiggStatus
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.target.catalog.prices import PriceVersion

IMMEDIATELY: Final = timedelta(minutes=1)
CONVERSION: Final = timedelta(hours=1)  # in which the two sides may end a trial at other moments


def paid_from(subscription: Subscription) -> datetime:
    """Return the start of paid time: the end of a trial, else the start."""
    ended = subscription.trial_end_date if subscription.was_in_trial else None
    return ended or subscription.start_date


def start(inputs: Inputs, subscription: Subscription) -> dict[str, Any]:
    """Return the timing of a creation: billed from the start of paid time if that is recent, else from the next period.

    Times are Unix seconds; if ``backdate_start_date`` is None it is billed from the time of the write. With ``late`` the
    current period is not charged, and the creation waits for a person; with ``backdated`` it is not charged either, and no
    approval is needed.
    """
    begin, anchor = paid_from(subscription), first_anchor(inputs, subscription)
    anchored: Document = {"billing_cycle_anchor": epoch(anchor)}
    origin = subscription.billing_cycle_anchor or begin
    if (config := anchor_config(origin, anchor, subscription.billing_period or "MONTHLY")) is not None:
        anchored["anchor_config"] = config
    if begins_with_next_period(inputs, subscription):
        return anchored | {"late": False, "backdated": True}
    late = inputs.is_due(late_from(inputs, subscription))
    timing = anchored | {"late": late, "backdated": False}
    return timing if late else timing | {"backdate_start_date": epoch(begin) if inputs.is_due(begin) else None}


def begins_with_next_period(inputs: Inputs, subscription: Subscription) -> bool:
    """Return whether a start that a person back-dated in Stigg is charged from the next period (``backdated_start``)."""
    return is_backdated(subscription) and inputs.environment.stripe.backdated_start == "next_period"


def start_timers(inputs: Inputs, subscription: Subscription) -> list[datetime]:
    """Return the moments at which the timing of a creation changes, those that are over included."""
    anchor = first_anchor(inputs, subscription)
    if begins_with_next_period(inputs, subscription):
        return [anchor]
    return [anchor, late_from(inputs, subscription), paid_from(subscription)]


def first_anchor(inputs: Inputs, subscription: Subscription) -> datetime:
    """Return the end of the running period, counted on from the anchor where the one that Stigg gives has passed."""
    end = subscription.current_billing_period_end
    if end is not None and not inputs.is_due(end):
        return end
    origin = subscription.billing_cycle_anchor or paid_from(subscription)
    return periods.next_boundary(origin, subscription.billing_period or "MONTHLY", inputs.now)


def late_from(inputs: Inputs, subscription: Subscription) -> datetime:
    """Return the first moment at which a creation is late."""
    hours = timedelta(hours=inputs.environment.stripe.late_start_hours)
    return paid_from(subscription) + hours + timedelta.resolution


def anchor_config(origin: datetime, anchor: datetime, interval: str) -> dict[str, int] | None:
    """Return Stripe's anchor config if a short month clamped the anchor's day, else None; its time is the anchor's (UTC).

    A start on 31 January renews on 28 February and 31 March.
    """
    day = periods.day_to_keep(origin, anchor)
    if day is None:
        return None
    config = {"day_of_month": day, "hour": anchor.hour, "minute": anchor.minute, "second": anchor.second}
    return config | ({"month": anchor.month} if interval == "ANNUALLY" else {})


def is_backdated(subscription: Subscription) -> bool:
    """Return whether paid time began before the subscription was created in Stigg (SB 18.11).

    A difference of one minute is Stigg's own processing time.
    """
    created = subscription.created_at
    return created is not None and created - paid_from(subscription) > IMMEDIATELY


def ends_at(inputs: Inputs, subscription: Subscription) -> int | None:
    """Return the future end of a current subscription, Unix seconds, or None: canceled for a date or the period's end."""
    future = [moment for moment in end_timers(subscription) if not inputs.is_due(moment)]
    return epoch(min(future)) if future else None


def end_timers(subscription: Subscription) -> list[datetime]:
    """Return the moments at which Stigg may end a subscription: its cancellation's date and the end of its period."""
    return [m for m in (subscription.cancellation_date, subscription.effective_end_date) if m is not None]


def anchor_note(anchor: int | None) -> dict[str, str]:
    """Return the metadata that notes an anchor (Unix seconds), or with None removes the noted one."""
    return {ANCHOR: str(anchor or "")}


def cancel_at(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> int | None:
    """Return the ``cancel_at`` to set, Unix seconds: a future end in the current period of every item, else None.

    A new subscription gets none: its periods are not known yet. A past end that Stigg still gives keeps the ``cancel_at`` that
    was set for it: Stigg's job may be late, and the subscription would renew.
    """
    if held is None:
        return None
    natural_ends = [natural_end(held, item) for item in held.items.data]
    due = [moment for moment in end_timers(subscription) if inputs.is_due(moment)]
    if due and held.cancel_at is not None and end_in_period(epoch(min(due)), natural_ends) == held.cancel_at:
        return held.cancel_at
    end = ends_at(inputs, subscription)
    return None if end is None else end_in_period(end, natural_ends)


def end_fields(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> dict[str, str | None]:
    """Return the fields of a subscription's ends: ``cancel_at`` and ``trial_end``, Unix seconds as text."""
    ends = {"cancel_at": cancel_at(inputs, subscription, held), "trial_end": trial_end(inputs, subscription, held)}
    return {name: str(end) if end else None for name, end in ends.items()}


def trial_end(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> int | None:
    """Return the end of a trial that Stripe has, Unix seconds: Stigg's while it is in trial there too; None once it converted.

    Stripe's own is kept where Stigg's has passed, which Stripe refuses, where they differ by a minute, and in the last hour
    before it, when Stigg may convert.
    """
    if held is None or held.status != SubscriptionStatus.TRIALING:
        return None
    if subscription.status != StiggStatus.IN_TRIAL:
        return held.trial_end if inputs.is_due(from_epoch(held.trial_end or 0) - CONVERSION) else None
    end = subscription.trial_end_date
    if end is None or inputs.is_due(end) or abs(end - from_epoch(held.trial_end or 0)) <= IMMEDIATELY:
        return held.trial_end
    return epoch(end)


def changed_at(subscription: Subscription, versions: Mapping[str, PriceVersion]) -> dict[str, int]:
    """Return the time when Stigg last changed each item, Unix seconds by price version."""
    changes: dict[str, int] = {}
    for part in [*(subscription.prices or ()), *(subscription.addons or ())]:
        if part.price is not None and part.updated_at is not None and part.price.id in versions:
            changes[versions[part.price.id].key] = epoch(part.updated_at)
    return changes
