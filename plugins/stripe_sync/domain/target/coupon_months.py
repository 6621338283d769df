"""Months of a repeating coupon in Stripe, and the end of its discount (BILLING 4). Pure.

A coupon of N months discounts the invoices whose period begins in [its start in Stigg, + N months) and no other. Stripe dates
a discount from its attachment, which comes after the start that is billed; N months from there are one renewal too many.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

import msgspec

from stripe_sync.core import periods
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.domain.actual.billing_periods import anchor_of
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Subscription, SubscriptionCoupon
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.target import timing

DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)


@dataclass(frozen=True)
class Renewals:
    """Periods of a subscription in Stripe, UTC: its start, its anchor, and whether a creation invoices the first period now."""

    start: datetime
    anchor: datetime
    interval: str
    invoices_first: bool = False

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Yield the renewals after a moment."""
        while True:
            moment = periods.next_boundary(self.anchor, self.interval, moment)
            yield moment


def renewals_of(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> Renewals:
    """Return the renewals of a subscription; without one in Stripe, those of its creation."""
    interval = subscription.billing_period or "MONTHLY"
    if held is not None:
        return Renewals(from_epoch(held.start_date), anchor_of(held, interval), interval)
    begin, first = timing.paid_from(subscription), timing.first_anchor(inputs, subscription)
    day = periods.day_to_keep(subscription.billing_cycle_anchor or begin, first)
    is_charged = not timing.begins_with_next_period(inputs, subscription) and not inputs.is_due(
        timing.late_from(inputs, subscription)
    )
    return Renewals(begin, periods.anchor_with(first, day, interval), interval, invoices_first=is_charged)


def remaining(coupon: SubscriptionCoupon, renewals: Renewals, now: datetime) -> SubscriptionCoupon | None:
    """Return the coupon with the months to write now; None where no invoice is left to discount.

    They end after the last discounted renewal and not after the next. One month is the least that Stripe has: where that is too
    long, the discount is taken off (``is_over``).
    """
    if coupon.duration_in_months is None or coupon.start_date is None:
        return coupon
    over, next_renewal = _end(coupon, renewals, now)
    begin = _begin(coupon, renewals)
    is_first = renewals.invoices_first and begin <= renewals.start < over
    if not is_first and not any(begin <= renewal for renewal in _before(renewals, now, over)):
        return None
    return _lasting(coupon, max(1, whole_months(now, next_renewal)))


def is_over(coupon: SubscriptionCoupon, renewals: Renewals, now: datetime, *, discount_end: int | None) -> bool:
    """Return whether a discount is taken off now: the next renewal is within a day, and it would wrongly discount that."""
    moment = removal(coupon, renewals, now, discount_end=discount_end)
    return moment is not None and moment <= now


def removal(
    coupon: SubscriptionCoupon, renewals: Renewals, now: datetime, *, discount_end: int | None
) -> datetime | None:
    """Return when a discount is taken off; None where it ends by itself (``discount_end``, Unix seconds)."""
    if coupon.duration_in_months is None or coupon.start_date is None or discount_end is None:
        return None
    _, next_renewal = _end(coupon, renewals, now)
    return next_renewal - DAY if discount_end > epoch(next_renewal) else None


def timers(coupon: SubscriptionCoupon, renewals: Renewals, now: datetime) -> list[datetime]:
    """Return when the months to write may be others; none where nothing is left to write, or the coupon lasts for ever."""
    if coupon.duration_in_months is None or remaining(coupon, renewals, now) is None:
        return []
    _, next_renewal = _end(coupon, renewals, now)
    shorter = periods.add_months(next_renewal, -whole_months(now, next_renewal)) + timedelta.resolution
    return [min(m for m in (shorter, next(renewals.after(now)), now + DAY) if m > now)]


def whole_months(now: datetime, until: datetime) -> int:
    """Return how many months from now on end at a moment or before."""
    months = 0
    while periods.add_months(now, months + 1) <= until:
        months += 1
    return months


def _begin(coupon: SubscriptionCoupon, renewals: Renewals) -> datetime:
    """Return when a coupon begins; the start of the subscription where that is charged with it, or a minute apart."""
    assert coupon.start_date is not None
    late = coupon.start_date - renewals.start
    is_start = timedelta() <= late and (renewals.invoices_first or late <= MINUTE)
    return renewals.start if is_start else coupon.start_date


def _end(coupon: SubscriptionCoupon, renewals: Renewals, now: datetime) -> tuple[datetime, datetime]:
    """Return (the end of a coupon in Stigg, the first renewal after now that it does not discount)."""
    over = periods.add_months(_begin(coupon, renewals), int(coupon.duration_in_months or 0))
    return over, next(renewal for renewal in renewals.after(now) if renewal >= over)


def _before(renewals: Renewals, now: datetime, over: datetime) -> Iterator[datetime]:
    for renewal in renewals.after(now):
        if renewal >= over:
            return
        yield renewal


def _lasting(coupon: SubscriptionCoupon, months: int) -> SubscriptionCoupon:
    return msgspec.structs.replace(coupon, duration_in_months=Decimal(months))
