"""The end of a subscription that Stigg gives no date for: one that became free under its id (SB 18.9, BILLING 7).

Pure. Stigg has no moment of such a change (its row has no ``updatedAt``), so the end lies between two readings. Times are
Unix seconds, UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.domain.actual.billing_periods import renewed_at
from stripe_sync.domain.actual.endings import MINUTE
from stripe_sync.domain.model.inputs import ENDED, Inputs
from stripe_sync.domain.model.seen import Seen
from stripe_sync.domain.model.stigg import Subscription
from stripe_sync.domain.model.stripe import StripeSubscription


@dataclass(frozen=True)
class End:
    """An end of which nothing later is collected. ``between`` has two moments where nobody knows on which side of a renewal it lies.

    The first is None where no reading showed it paid.
    """

    moment: int
    between: tuple[int | None, int] | None = None


def end_seen(seen: Seen | None, *, renewed: int | None, now: int) -> End:
    """Return the end of a subscription from what was seen of it; ``renewed`` is Stripe's last renewal, None before the first.

    Where the renewal lies between the two readings, the end is the first of them: what the renewal sold is not collected.
    """
    if seen is not None and seen.planned is not None:
        return End(seen.planned)
    paid, unpaid = (seen.paid, seen.unpaid) if seen is not None else (None, now)
    if renewed is None or unpaid <= renewed + MINUTE or (paid is not None and paid >= renewed + MINUTE):
        return End(unpaid)
    return End(renewed if paid is None else min(paid, renewed), (paid, unpaid))


def end_of(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> End | None:
    """Return when a subscription ended or became free: Stigg's date, else what was seen. None for one that is paid for."""
    if not is_unpaid(subscription):
        return None
    told = told_end(inputs, subscription)
    if told is not None:
        return End(told)
    seen = inputs.seen.get(subscription.subscription_id)
    return end_seen(seen, renewed=renewed_at(held) if held is not None else None, now=epoch(inputs.now))


def is_unpaid(subscription: Subscription) -> bool:
    """Return whether nothing is paid for a subscription by now: it ended, or it is free."""
    return subscription.status in ENDED or subscription.is_free()


def told_end(inputs: Inputs, subscription: Subscription) -> int | None:
    """Return Stigg's date of the end, None without one; a date to come is of the free plan, not of the paid one."""
    told = ended_at(subscription)
    return told if told is not None and (subscription.status in ENDED or told <= epoch(inputs.now)) else None


def undated(subscriptions: Iterable[Subscription], *, now: int) -> list[str]:
    """Return the ids of those of which what was seen decides."""
    return [
        s.subscription_id
        for s in subscriptions
        if is_unpaid(s) and ((told := ended_at(s)) is None or (s.is_free() and told > now))
    ]


def told(between: Iterable[int | None]) -> str:
    """Return a sentence about an end that lies between two readings."""
    paid, unpaid = between
    was = f"It was paid for at {from_epoch(paid):%Y-%m-%d %H:%M} UTC" if paid is not None else "Nobody saw it paid for"
    return f"{was}, and at {from_epoch(unpaid or 0):%Y-%m-%d %H:%M} UTC no more; Stigg has no date between."


def ended_at(subscription: Subscription) -> int | None:
    """Return when a subscription ended in Stigg, Unix seconds; None where Stigg gives no date."""
    known = [m for m in (subscription.effective_end_date, subscription.cancellation_date) if m is not None]
    return epoch(min(known)) if known else None
