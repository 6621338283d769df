"""The clock of the machine and the time of answers from Stripe."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from stripe_sync.core.clock import Clock, SystemClock
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.runtime.preflight import machine_clock


class _Fixed:
    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC)


def session(ahead: int | None, clock: Clock) -> Any:
    """Return a session whose machine's clock is so many seconds ahead of Stripe."""
    apart = None if ahead is None else timedelta(seconds=ahead)
    return SimpleNamespace(clock=clock, client=SimpleNamespace(http=SimpleNamespace(ahead=apart)))


@pytest.mark.parametrize("ahead", [61, -61])
def test_a_clock_that_differs_by_more_than_a_minute_is_refused(ahead: int) -> None:
    with pytest.raises(ConfigurationError, match=f"by {ahead} s, more than 60 s"):
        machine_clock(session(ahead, SystemClock()))


def test_a_minute_is_accepted_and_the_time_of_a_test_is_its_own() -> None:
    assert machine_clock(session(60, SystemClock())) == "60 s ahead of Stripe"
    assert machine_clock(session(3600, _Fixed())) == "the time of a sandbox or of a test clock"
    assert machine_clock(session(None, SystemClock())) == "compared within the last hour"
