"""The billing periods of a subscription in Stripe: its anchor, its renewals and its running period, in Unix seconds (BILLING 6)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from stripe_sync.core import periods
from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.domain.model.stripe import StripeItem, StripeSubscription

ANCHOR: Final = "stiggAnchor"  # metadata: the anchor when Stripe was told of an end, Unix seconds


def natural_end(held: StripeSubscription, item: StripeItem) -> int:
    """Return where the running period of an item would end without ``cancel_at``, which shortens it (SB 21.1)."""
    name = rhythm_of(item)
    if held.cancel_at != item.current_period_end or name is None:
        return item.current_period_end
    if held.billing_cycle_anchor > item.current_period_start:
        return held.billing_cycle_anchor
    return epoch(periods.next_bound(anchor_of(held, name), name, from_epoch(item.current_period_start)))


def anchor_of(held: StripeSubscription, rhythm: str) -> datetime:
    """Return the moment from which periods of a rhythm count (UTC), with the day that a short month took from it (R2)."""
    config = held.billing_cycle_anchor_config or {}
    return periods.anchor_with(from_epoch(held.billing_cycle_anchor), config.get("day_of_month"), rhythm)


def anchor_told(held: StripeSubscription) -> int | None:
    """Return the moment from which a subscription's periods count, with the day that a short month took, Unix seconds.

    It is noted when Stripe is told of an end, since taking the end away may move it (SB 21.1). None for other intervals.
    """
    rhythm = shortest(held)
    return epoch(anchor_of(held, rhythm[0])) if rhythm is not None else None


def renewals(held: StripeSubscription) -> tuple[datetime, datetime] | None:
    """Return (when the running period ends in Stripe, when by the anchor that was noted), UTC; None where none was noted."""
    noted, rhythm = held.metadata.get(ANCHOR), shortest(held)
    if noted is None or rhythm is None:
        return None
    name, item = rhythm
    wanted = periods.next_bound(from_epoch(int(noted)), name, from_epoch(item.current_period_start))
    return from_epoch(natural_end(held, item)), wanted


def shortest(held: StripeSubscription) -> tuple[str, StripeItem] | None:
    """Return the item whose period ends first, with its rhythm; None where no item is of a month or a year."""
    found = [(rhythm, item) for item in held.items.data if (rhythm := rhythm_of(item)) is not None]
    return min(found, key=lambda one: one[1].current_period_end) if found else None


def rhythm_of(item: StripeItem) -> str | None:
    """Return how often an item is billed in Stigg's word; None for another interval than one month or one year."""
    rhythm = item.price.recurring
    if rhythm is None or rhythm.interval_count != 1:
        return None
    return next((name for name, interval in periods.INTERVALS.items() if interval == rhythm.interval), None)


def renewed_at(held: StripeSubscription) -> int | None:
    """Return the last renewal of a subscription, Unix seconds; None in its first period.

    Its items say it, and no invoice: the mirror has drafts alone, and an end is decided where the invoice is paid or was
    never made. Where there is one, ``cycles.renewal_of`` gives the same moment of it.
    """
    last = max((item.current_period_start for item in held.items.data), default=0)
    return last if last > held.start_date else None
