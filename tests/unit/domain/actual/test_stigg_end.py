"""The end of a subscription that became free without a date: each boundary, and generated readings."""

from __future__ import annotations

import random

import pytest

from stripe_sync.domain.actual.endings import is_sold_after
from stripe_sync.domain.actual.stigg_end import End, end_seen
from stripe_sync.domain.model.seen import Seen

R = 1_800_000_000  # the last renewal
MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (Seen(R - HOUR, R - MINUTE), End(R - MINUTE)),
        (Seen(R - HOUR, R + 60), End(R + 60)),
        (Seen(R - HOUR, R + 61), End(R - HOUR, (R - HOUR, R + 61))),
        (Seen(R, R + HOUR), End(R, (R, R + HOUR))),
        (Seen(R + 59, R + HOUR), End(R, (R + 59, R + HOUR))),
        (Seen(R + 60, R + HOUR), End(R + HOUR)),
        (Seen(None, R + HOUR), End(R, (None, R + HOUR))),
        (Seen(None, R), End(R)),
        (None, End(R, (None, R + DAY))),
        (Seen(R - HOUR, R + HOUR, planned=R), End(R)),
        (Seen(R - HOUR, R + HOUR, planned=R + MINUTE + 1), End(R + MINUTE + 1)),
    ],
)
def test_where_the_renewal_lies_between_two_readings_nothing_after_the_first_is_collected(
    seen: Seen | None, expected: End
) -> None:
    assert end_seen(seen, renewed=R, now=R + DAY) == expected


def test_before_the_first_renewal_there_is_no_doubt() -> None:
    assert end_seen(Seen(R, R + HOUR), renewed=None, now=R + DAY) == End(R + HOUR)
    assert end_seen(None, renewed=None, now=R + DAY) == End(R + DAY)


@pytest.mark.parametrize("seed", range(5))
def test_a_renewal_is_collected_only_if_the_end_lies_after_it_wherever_in_between_it_was(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(1000):
        paid = R + rng.choice((rng.randint(-2 * DAY, 2 * DAY), rng.randint(-90, 90)))
        unpaid = paid + rng.choice((1, 59, 60, 61, rng.randint(1, 2 * DAY)))
        end = end_seen(Seen(paid, unpaid), renewed=R, now=unpaid + HOUR)
        possible = {is_sold_after(R, moment) for moment in (paid + 1, unpaid)}
        assert is_sold_after(R, end.moment) == (True in possible)
        assert (end.between is not None) == (len(possible) == 2)
