"""Ends of subscriptions without a date in Stigg: a paid plan became free under the same id (SB 18.9, BILLING 7).

Pure. Stigg has no time of such a change (its row has no ``updatedAt``), so the end is between two reads. Times are Unix
seconds, UTC.
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
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription


@dataclass(frozen=True)
class End:
    """An end; nothing after it is collected. ``between`` has two times if the end may be on either side of a renewal.

    The first is None if no read showed it as paid.
    """

    moment: int
    between: tuple[int | None, int] | None = None


def end_seen(seen: Seen | None, *, renewed: int | None, now: int) -> End:
    """Return the end of a subscription from its reads; ``renewed`` is Stripe's last renewal, None before the first.

    If the renewal is between the two reads, the end is the first of them, so the renewal is not collected.
    """
    if seen is not None and seen.planned is not None:
        return End(seen.planned)
    paid, unpaid = (seen.paid, seen.unpaid) if seen is not None else (None, now)
    if renewed is None or unpaid <= renewed + MINUTE or (paid is not None and paid >= renewed + MINUTE):
        return End(unpaid)
    return End(renewed if paid is None else min(paid, renewed), (paid, unpaid))


def end_of(inputs: Inputs, subscription: Subscription, held: StripeSubscription | None) -> End | None:
    """Return the end of a subscription: Stigg's date, else from its reads. None for a paid one."""
    if not is_unpaid(subscription):
        return None
    date = dated_end(inputs, subscription)
    if date is not None:
        return End(date)
    seen = inputs.seen.get(subscription.subscription_id)
    return end_seen(seen, renewed=renewed_at(held) if held is not None else None, now=epoch(inputs.now))


def is_unpaid(subscription: Subscription) -> bool:
    """Return whether a subscription has ended or is free."""
    return subscription.status in ENDED or subscription.is_free()


def dated_end(inputs: Inputs, subscription: Subscription) -> int | None:
    """Return Stigg's date of the end, None without one; a future date belongs to the free plan, not to the paid one."""
    date = ended_at(subscription)
    return date if date is not None and (subscription.status in ENDED or date <= epoch(inputs.now)) else None


def undated(subscriptions: Iterable[Subscription], *, now: int) -> list[str]:
    """Return the ids of unpaid subscriptions without a date in Stigg."""
    return [
        s.subscription_id
        for s in subscriptions
        if is_unpaid(s) and ((date := ended_at(s)) is None or (s.is_free() and date > now))
    ]


def uncertain_end(between: Iterable[int | None]) -> str:
    """Return the message about an end between two reads."""
    paid, unpaid = between
    was = (
        f"It was paid for at {from_epoch(paid):%Y-%m-%d %H:%M} UTC" if paid is not None else "No read showed it as paid"
    )
    return f"{was}, and at {from_epoch(unpaid or 0):%Y-%m-%d %H:%M} UTC no more; Stigg has no date between."


def ended_at(subscription: Subscription) -> int | None:
    """Return the end of a subscription in Stigg, Unix seconds; None without a date."""
    known = [m for m in (subscription.effective_end_date, subscription.cancellation_date) if m is not None]
    return epoch(min(known)) if known else None
