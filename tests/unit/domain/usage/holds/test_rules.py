"""Drafts that are held and let go: every combination of causes, holds, moments and leads (domain/usage/holds/rules.py)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, combinations, product

from stripe_sync.domain.model.kinds import Cause
from stripe_sync.domain.usage.holds.rules import HOUR, Draft, Hold, OwnHold, Release, decide

MADE = datetime(2026, 1, 1, tzinfo=UTC)
DEADLINE = MADE + timedelta(days=1)
CAUSES: tuple[Cause, ...] = ("usage", "short", "tax", "unowed")
SETS = [frozenset(c) for c in chain.from_iterable(combinations(CAUSES, n) for n in range(len(CAUSES) + 1))]
TIMES = [MADE + timedelta(minutes=m) for m in (0, 20, 60, 61, 90, 1439, 1440, 1500)]
LEADS = [timedelta(minutes=5), timedelta(minutes=65)]
Case = tuple[frozenset[Cause], Draft, OwnHold | None, datetime, timedelta]


def cases() -> Iterator[Case]:
    times = [None, *TIMES]
    for causes, finalizes, original, until, now, lead in product(SETS, times, times, times, TIMES, LEADS):
        draft = Draft(MADE, DEADLINE, finalizes, is_on=finalizes is not None)
        for own in (None, OwnHold(original, until, is_stop=until is None)):
            yield causes, draft, own, now, lead


def test_no_draft_is_released_while_a_cause_stands_or_within_its_hour_and_no_time_is_lowered() -> None:
    for causes, draft, own, now, lead in cases():
        match decide(draft, causes, own, now=now, lead=lead):
            case Release(moment, may_be_alone):
                assert not causes and own is not None
                assert moment >= max(MADE + HOUR, now + lead, own.original or MADE)
                assert not may_be_alone or own.is_stop
                assert own.is_stop or own.until is None or moment < own.until
            case Hold(until):
                assert causes and draft.is_on
                assert until > max(draft.finalizes_at or now, now)
                assert until == expected_end(causes)


def expected_end(causes: frozenset[Cause]) -> datetime:
    """Return the end of a hold: a year where nothing is owed, an hour where only the grace period is short, else the deadline."""
    if "unowed" in causes:
        return datetime(2027, 1, 1, tzinfo=UTC)
    return datetime(2026, 1, 1, 1, tzinfo=UTC) if causes == {"short"} else DEADLINE


def test_what_we_stopped_is_switched_on_once_nothing_stands_and_what_others_stopped_is_not() -> None:
    for causes, draft, own, now, lead in cases():
        if draft.is_on or causes:
            continue
        found = decide(draft, causes, own, now=now, lead=lead)
        assert isinstance(found, Release) == (own is not None and own.is_stop)
        if isinstance(found, Release) and now >= MADE + HOUR:
            assert found.may_be_alone, "an hour after it was made it needs no time"
