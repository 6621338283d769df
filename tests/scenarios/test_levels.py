"""Running values and levels after a quiet time: a value holds until its next point (BILLING 8).

9 seats at 3.00 without a change are 27.00 each month; of a running value only what was added in the period is billed.
"""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder, flat, usage
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, lines, period_end, until, use

Build = Callable[[WorldBuilder], Harness]
QUIET = 450 * DAY


def world(price: float, meter: str) -> WorldBuilder:
    """Return one customer on a plan of 20.00 with this price a unit, who began three hours ago."""
    made = WorldBuilder()
    made.product("acme", "Acme")
    made.feature("calls", "Seats or calls", meterType=meter)
    made.plan("pro", "Pro", [flat(20), usage("calls", price)])
    made.customer("c-1", "Customer 1", "c1@example.test")
    made.subscription("s-1", "c-1", "pro")
    return made


def to_renewal(harness: Harness) -> int:
    """Go to a minute after the end of the period; gives the end."""
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    return end


def test_a_level_holds_until_its_next_point_and_is_never_0_because_stigg_shows_none(harness_of: Build) -> None:
    """9 seats x 3.00 = 27.00, set 450 days ago; once Stigg shows no value any more they are unknown, and the draft is held."""
    harness = harness_of(world(3, "Fluctuating"))
    harness.change(usage={"aggregation": {"calls": "last"}})
    use(harness, 9, harness.world.now - QUIET, set=True)
    to_renewal(harness)
    harness.usage()
    assert (lines(cycle(harness)), cycle(harness)["total"]) == ([("9", 2700)], 4700)
    harness.world.stigg["usage"].clear()
    end = to_renewal(harness)
    (problem,) = harness.usage()["failed"]
    assert "USAGE_UNKNOWN" in problem
    until(harness, end + 2 * HOUR)
    assert (lines(cycle(harness)), cycle(harness)["status"]) == ([], "draft")


def test_of_a_running_value_only_the_use_of_the_period_is_billed_after_any_quiet_time(harness_of: Build) -> None:
    """10,000 calls were billed 450 days ago, 5 are added: 5 x 1.00 = 5.00, and not 10,005.00."""
    harness = harness_of(world(1, "Incremental"))
    use(harness, 10_000, harness.world.now - QUIET)
    harness.reconcile()
    use(harness, 5, period_end(harness) - HOUR)
    to_renewal(harness)
    harness.usage()
    assert (lines(cycle(harness)), cycle(harness)["total"]) == ([("5", 500)], 2500)
