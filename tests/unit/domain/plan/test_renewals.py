"""The period before a renewal that overtook a change (BILLING 7)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stripe_sync.core.clock import epoch
from stripe_sync.domain.plan.writes.renewals import period_before


@pytest.mark.parametrize(
    ("anchor", "start", "months", "before"),
    [
        ((2027, 1, 31), (2027, 2, 28), 1, (2027, 1, 31)),
        ((2027, 1, 31), (2027, 3, 31), 1, (2027, 2, 28)),
        ((2027, 1, 15), (2027, 2, 15), 1, (2027, 1, 15)),
        ((2024, 2, 29), (2027, 2, 28), 12, (2026, 2, 28)),
        (None, (2027, 2, 15), 1, (2027, 1, 15)),
    ],
    ids=["after the 31st", "before the 31st", "the 15th", "a leap day", "no anchor"],
)
def test_the_period_before_a_renewal_counts_from_the_anchor(
    anchor: tuple[int, int, int] | None, start: tuple[int, int, int], months: int, before: tuple[int, int, int]
) -> None:
    """A change on 14 February with an anchor on the 31st has 14 of 28 days left, and not 14 of 31: 75.00 for 73.55 (m51)."""
    noted = epoch(datetime(*anchor, tzinfo=UTC)) if anchor is not None else None
    found = period_before(noted, epoch(datetime(*start, tzinfo=UTC)), months)
    assert found == epoch(datetime(*before, tzinfo=UTC))
