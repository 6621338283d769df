"""What proves that use is billed: lines that Stripe rounds otherwise, minimum spend, drafts that are taken away (BILLING 3, 8, 9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from stripe_sync.pipeline import usage_audit
from tests.house import House
from tests.metering import HOUR, MINUTE, cycle, ledger, lines, until, use
from tests.scenarios.test_usage_rules import MINIMUM, renewed, world

Build = Callable[[WorldBuilder], House]


@pytest.mark.parametrize(("ties_up", "billed"), [(True, 501), (False, 500)])
def test_a_tie_that_stripe_rounds_otherwise_is_proven_and_written_once(
    house_of: Build, ties_up: bool, billed: int
) -> None:
    """SB 5.1, SB 5.2: 1001 calls at 0.005 are 500.5 cents; half up 501, half even 500, and Stripe does not say which."""
    house = house_of(world(flat(20), usage("calls", 0.005)))
    house.world.unknowns["item_ties_up"] = ties_up
    end = renewed(house, 1001)
    assert house.usage()["proven"] == 1
    written = house.writes()
    for minutes in (11, 21, 45, 55):
        until(house, end + minutes * MINUTE)
        given = house.usage()
        assert (given["held"], given["pages"], given["lines"]) == ([], [], {})
    assert house.writes() == written, "the line is not written a second time"
    assert lines(cycle(house)) == [("1001", billed)]
    until(house, end + HOUR + MINUTE)
    house.usage()
    kept = {"rounded": ("0", 501 - billed)} if billed != 501 else {}
    assert ledger(house) == {"billed": ("1001", billed)} | kept, "at Stripe's amount; the difference is kept"
    session = house.session()
    (row,) = usage_audit.audit(session, "2026-12")
    session.close()
    assert (row["invoiced"], row["rounding"], row["difference"]) == (2000 + billed, billed - 501, 0)


def test_a_minimum_spend_is_drawn_from_by_several_features_in_shares_of_the_excess(house_of: Build) -> None:
    """BILLING 3: minimum 100.00; 70.01 of calls and 70.02 of rows are 140.03, so 40.03 too much.

    calls: 4003 * 7001 // 14003 = 2001; the rest, 2002, on rows, the last feature by reference.
    """
    made = world(MINIMUM, usage("calls", 0.01), usage("rows", 0.01))
    made.feature("rows", "Rows", meterType="Incremental")
    house = house_of(made)
    renewed(house, 7001)
    use(house, 7002, house.world.now - HOUR, featureId="rows")
    house.usage()
    assert lines(cycle(house)) == [("7001", 0), ("1", 2001), ("7002", 0), ("1", 2002)]
    assert cycle(house)["total"] == 10000 + 4003
    writes = house.writes()
    until(house, house.world.now + 45 * MINUTE)
    house.usage()
    assert house.writes() == writes


def test_a_percentage_coupon_takes_its_part_of_a_minimum_spend_once(house_of: Build) -> None:
    """E7: minimum 100, 100 used, 20 %: 100.00 in advance less 20.00 is 80.00; covered use is billed at price 0."""
    made = world(MINIMUM, usage("calls", 1))
    made.coupon("twenty", percent=20)
    made.stigg["subscriptions"][0]["coupons"] = [made.applied("twenty")]
    house = house_of(made)
    end = renewed(house, 100)
    house.usage()
    assert cycle(house)["total"] == 8000
    use(house, 30, end - MINUTE)
    until(house, end + 45 * MINUTE)
    house.usage()
    assert lines(cycle(house)) == [("130", 0), ("1", 3000)]
    assert cycle(house)["total"] == 8000 + 2400, "the excess, 30.00, less 20 %"
    until(house, end + HOUR + MINUTE)
    house.usage()
    assert set(ledger(house)) == {"billed"}
