"""A coupon of N months discounts N monthly invoices and ceil(N / 12) annual ones, attached at once, an hour or months late.

Stripe is a list here: a discount begins at its attachment, lasts M months, and lowers each invoice that is made meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import takewhile

import pytest

from stripe_sync.core.clock import epoch
from stripe_sync.core.decoding import from_stigg
from stripe_sync.core.periods import add_months
from stripe_sync.domain.model.stigg import SubscriptionCoupon
from stripe_sync.domain.target.coupon_months import Renewals, is_over, remaining, removal, renewals_of, timers
from tests.unit.domain.test_deciding import inputs, subscription

STARTS = [
    datetime(2026, 11, 16, 6, tzinfo=UTC),
    datetime(2027, 1, 31, 6, tzinfo=UTC),
    datetime(2028, 2, 29, tzinfo=UTC),
]
LATE = [timedelta(), timedelta(seconds=5), timedelta(hours=1), timedelta(hours=47)]
DAY = timedelta(days=1)


def coupon(months: int | None, start: datetime) -> SubscriptionCoupon:
    row = {"refId": "c", "type": "PERCENTAGE", "percentOff": 50, "durationInMonths": months}
    return from_stigg(row | {"startDate": start.isoformat()}, SubscriptionCoupon)


def made(start: datetime, interval: str) -> Renewals:
    """Return the renewals of a creation that invoices its first period."""
    return Renewals(start, start, interval, invoices_first=True)


def discounted(one: SubscriptionCoupon, renewals: Renewals, attached: datetime) -> list[datetime]:
    """Return the beginnings of the periods whose invoices Stripe discounts; the first is invoiced as it is attached."""
    left = remaining(one, renewals, attached)
    if left is None:
        return []
    assert left.duration_in_months is not None and left.duration_in_months >= 1
    end = add_months(attached, int(left.duration_in_months))
    later = replace(renewals, invoices_first=False)
    off = removal(one, later, attached, discount_end=epoch(end))
    first = [renewals.start] if renewals.invoices_first else []
    return first + [r for r in takewhile(lambda r: r < end, renewals.after(attached)) if off is None or r < off]


@pytest.mark.parametrize("late", LATE, ids=str)
@pytest.mark.parametrize("start", STARTS, ids=str)
@pytest.mark.parametrize(
    ("interval", "months", "invoices"),
    [("MONTHLY", n, n) for n in (1, 2, 3, 6, 12, 13)]
    + [("ANNUALLY", 1, 1), ("ANNUALLY", 12, 1), ("ANNUALLY", 13, 2), ("ANNUALLY", 24, 2), ("ANNUALLY", 25, 3)],
)
def test_a_coupon_given_at_sign_up_discounts_its_invoices_and_no_other(
    interval: str, months: int, invoices: int, start: datetime, late: timedelta
) -> None:
    renewals = made(start, interval)
    step = 1 if interval == "MONTHLY" else 12
    expected = [add_months(start, n * step) for n in range(invoices)]
    assert discounted(coupon(months, start), renewals, start + late) == expected


@pytest.mark.parametrize("months_late", [0, 1, 2, 3])
def test_one_that_is_attached_months_late_discounts_what_is_left_of_its_time(months_late: int) -> None:
    """4 months from 16 November: 16 November, December, January, February; attached on the 26th of a month."""
    start = STARTS[0]
    renewals = Renewals(start, start, "MONTHLY")
    attached = add_months(start, months_late) + 10 * DAY
    expected = [add_months(start, n) for n in range(months_late + 1, 4)]
    assert discounted(coupon(4, start), renewals, attached) == expected


def test_one_that_begins_inside_a_period_discounts_the_renewals_of_its_own_time() -> None:
    """2 months from 20 November: 16 December and 16 January."""
    start = STARTS[0]
    renewals = Renewals(start, start, "MONTHLY")
    begin = start + 4 * DAY
    assert discounted(coupon(2, begin), renewals, begin + DAY) == [add_months(start, 1), add_months(start, 2)]


def test_where_no_renewal_begins_in_its_time_nothing_is_attached() -> None:
    start = STARTS[0]
    one = coupon(1, start + DAY)
    assert remaining(one, Renewals(start, start, "ANNUALLY"), start + 2 * DAY) is None
    assert timers(one, Renewals(start, start, "ANNUALLY"), start + 2 * DAY) == []


def test_one_for_ever_stays_as_it_is() -> None:
    one, renewals = coupon(None, STARTS[0]), made(STARTS[0], "MONTHLY")
    assert remaining(one, renewals, STARTS[0] + 400 * DAY) is one
    assert removal(one, renewals, STARTS[0], discount_end=None) is None
    assert timers(one, renewals, STARTS[0]) == []


def test_a_discount_that_would_lower_one_renewal_too_many_is_taken_off_the_day_before() -> None:
    """One month, attached an hour late: Stripe's end is 16 December 07:00, an hour after the renewal that is whole again."""
    start, renewal = STARTS[0], add_months(STARTS[0], 1)
    one, renewals = coupon(1, start), Renewals(start, start, "MONTHLY")
    end = epoch(renewal + timedelta(hours=1))
    assert [
        is_over(one, renewals, m, discount_end=end)
        for m in (start, renewal - DAY - timedelta(seconds=1), renewal - DAY)
    ] == [False, False, True]
    assert removal(one, renewals, start, discount_end=epoch(renewal)) is None, "it ends by itself"


@pytest.mark.parametrize("late", LATE[1:], ids=str)
def test_the_months_hold_until_their_timer(late: timedelta) -> None:
    """The next decision about a discount is due before its remaining months change, also while an action waits for approval."""
    start, renewals = STARTS[0], made(STARTS[0], "MONTHLY")
    one, now = coupon(3, start), start + late
    (timer,) = timers(one, renewals, now)
    assert timer > now
    assert remaining(one, renewals, timer - timedelta.resolution) == remaining(one, renewals, now)


def test_a_creation_invoices_its_first_period_unless_it_is_late() -> None:
    """Stigg's period ends on 16 December; 48 hours after its start on 16 November the running period is not charged."""
    start = datetime(2026, 11, 16, 6, tzinfo=UTC)
    for hours, is_charged in ((1, True), (49, False)):
        given = replace(inputs(), now=start + timedelta(hours=hours))
        found = renewals_of(given, subscription(), None)
        assert (found.start, found.invoices_first) == (start, is_charged)
        assert next(found.after(given.now)) == add_months(start, 1)
