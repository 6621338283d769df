"""The time since which an item is billed for its use."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from stripe_sync.core.clock import epoch
from stripe_sync.domain.usage.charges import began
from tests.unit.domain.usage.values import END, NEXT, NOW, START, stripe_subscription

WEEK = timedelta(days=7)


@pytest.mark.parametrize(
    ("trial_end", "since"),
    [(None, START), (START + WEEK, START + WEEK), (END, END), (NEXT, NEXT)],
    ids=["no trial", "a trial that ended last period", "a trial that ended with the period", "a trial that lasts"],
)
def test_use_is_billed_from_the_end_of_a_trial(trial_end: datetime | None, since: datetime) -> None:
    """The subscription began on 1 November, and its first period ended an hour ago: its use is billed by this renewal."""
    held = stripe_subscription(trial_end=epoch(trial_end) if trial_end else None)
    assert began(held, held.items.data[0], None, NOW) == since
