"""Billing periods of a Stripe subscription: anchor, renewals and current period, in Unix seconds (BILLING 6)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from stripe_sync.core import periods
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.domain.model.stripe_subscriptions import StripeItem, StripeSubscription

ANCHOR: Final = "stiggAnchor"  # metadata: the anchor at the time when an end was set, Unix seconds


def natural_end(held: StripeSubscription, item: StripeItem) -> int:
    """Return the end of an item's current period without ``cancel_at``, which shortens it (SB 21.1)."""
    name = interval_of(item)
    if held.cancel_at != item.current_period_end or name is None:
        return item.current_period_end
    if held.billing_cycle_anchor > item.current_period_start:
        return held.billing_cycle_anchor
    return epoch(periods.next_boundary(anchor_of(held, name), name, from_epoch(item.current_period_start)))


def anchor_of(held: StripeSubscription, interval: str) -> datetime:
    """Return the anchor of an interval's periods (UTC), with the day that a short month had clamped (R2)."""
    config = held.billing_cycle_anchor_config or {}
    return periods.anchor_with(from_epoch(held.billing_cycle_anchor), config.get("day_of_month"), interval)


def current_anchor(held: StripeSubscription) -> int | None:
    """Return the anchor of a subscription's periods, with the day that a short month had clamped, Unix seconds.

    It is noted when an end is set, since removing the end may move it (SB 21.1). None for other intervals.
    """
    found = shortest(held)
    return epoch(anchor_of(held, found[0])) if found is not None else None


def renewals(held: StripeSubscription) -> tuple[datetime, datetime] | None:
    """Return (the end of the current period in Stripe, its end by the noted anchor), UTC; None without a noted anchor."""
    noted, found = held.metadata.get(ANCHOR), shortest(held)
    if noted is None or found is None:
        return None
    name, item = found
    target = periods.next_boundary(from_epoch(int(noted)), name, from_epoch(item.current_period_start))
    return from_epoch(natural_end(held, item)), target


def shortest(held: StripeSubscription) -> tuple[str, StripeItem] | None:
    """Return (interval, item) of the item whose period ends first; None without monthly or yearly items."""
    found = [(interval, item) for item in held.items.data if (interval := interval_of(item)) is not None]
    return min(found, key=lambda one: one[1].current_period_end) if found else None


def interval_of(item: StripeItem) -> str | None:
    """Return an item's billing interval in Stigg's word; None for any other than one month or one year."""
    recurring = item.price.recurring
    if recurring is None or recurring.interval_count != 1:
        return None
    return next((name for name, interval in periods.INTERVALS.items() if interval == recurring.interval), None)


def renewed_at(held: StripeSubscription) -> int | None:
    """Return the last renewal of a subscription, Unix seconds; None in its first period.

    It is read from the items, because a snapshot has only draft invoices and an end is decided also without an invoice. For an
    invoice, ``renewals.renewal_of`` returns the same time.
    """
    last = max((item.current_period_start for item in held.items.data), default=0)
    return last if last > held.start_date else None
