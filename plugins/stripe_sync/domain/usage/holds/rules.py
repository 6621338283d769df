"""Rules for the hold and the release of renewal drafts (BILLING 9). Pure; times are UTC.

A draft is held while a cause stands, and its time is never set to an earlier one. A draft that sells a period after the end
(``unowed``) has no deadline, since Stripe would collect it then: it is held far ahead, until its subscription is canceled or
goes on. A draft that the pipeline stopped is always switched on again.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from stripe_sync.domain.model.kinds import Cause
from stripe_sync.domain.usage.holds.grace import MINIMUM_GRACE
from stripe_sync.domain.usage.holds.leads import RELEASED

HOUR = timedelta(seconds=MINIMUM_GRACE)
UNOWED = timedelta(days=365)  # after its creation; Stripe takes a time up to five years ahead (SB 6.1)


@dataclass(frozen=True)
class Draft:
    """A renewal's draft as Stripe has it. ``deadline`` is until when it may be held; ``is_on`` says that it finalizes itself."""

    created: datetime
    deadline: datetime
    finalizes_at: datetime | None
    is_on: bool


@dataclass(frozen=True)
class OwnHold:
    """The pipeline's hold of a draft: an own stop (``is_stop``), or a time that was moved to ``until``."""

    original: datetime | None
    until: datetime | None
    is_stop: bool


@dataclass(frozen=True)
class Hold:
    """The time of finalization is moved to ``until``."""

    until: datetime


@dataclass(frozen=True)
class Release:
    """The draft is finalized at ``moment``; ``may_be_alone``: it may be switched on without a time, which Stripe then sets."""

    moment: datetime
    may_be_alone: bool


def decide(
    draft: Draft, causes: Collection[Cause], own: OwnHold | None, *, now: datetime, lead: timedelta = RELEASED
) -> Hold | Release | None:
    """Return the hold or release of a draft; None where it stays as it is. ``lead`` is the distance of a new time."""
    if causes:
        return hold_until(draft, causes, now)
    return let_go(draft, own, now, lead) if own is not None else None


def hold_until(draft: Draft, causes: Collection[Cause], now: datetime) -> Hold | None:
    """Return the hold of a draft that waits; one that a person, a pause, Stripe or we have stopped stays stopped."""
    until = held_until(draft, causes)
    is_later = until > max(draft.finalizes_at or now, now + RELEASED)
    return Hold(until) if draft.is_on and is_later else None


def held_until(draft: Draft, causes: Collection[Cause]) -> datetime:
    """Return the time to which these causes hold a draft."""
    if "unowed" in causes:
        return draft.created + UNOWED
    return draft.created + HOUR if set(causes) == {"short"} else draft.deadline


def let_go(draft: Draft, own: OwnHold, now: datetime, lead: timedelta) -> Release | None:
    """Return the release of a draft that waits for nothing: at its own time, and not within an hour after it was made."""
    moment = max(own.original or now, draft.created + HOUR, now + lead)
    if own.is_stop:
        is_old = max(now, own.original or now) >= draft.created + HOUR
        return None if draft.is_on else Release(moment, may_be_alone=is_old)
    if not draft.is_on or (own.until is not None and moment >= own.until):
        return None
    return Release(moment, may_be_alone=False)
