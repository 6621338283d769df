"""A usage charge that leaves its plan is billed for its use until then (BILLING 7)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import iso
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, lines, period_end, subscription, until, use

Build = Callable[[WorldBuilder], Harness]


def test_the_use_of_a_charge_that_leaves_the_plan_is_on_the_next_renewal(harness_of: Build) -> None:
    """10 calls x 1.00 and the fee of 20.00 are 30.00; then the item of the charge goes."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [flat(20), usage("calls", 1)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro")
    harness = harness_of(world)
    harness.reconcile()
    harness.reconcile()  # the mirror has the item that the first one made
    harness.usage()
    end = period_end(harness)
    use(harness, 10, end - 15 * DAY - HOUR)
    until(harness, end - 15 * DAY)
    row = harness.stigg("subscriptions")
    row["prices"] = [row["prices"][0] | {"updatedAt": iso(end - 15 * DAY)}]  # the fee
    harness.reconcile()
    harness.usage()
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    harness.usage()
    assert (lines(cycle(harness)), cycle(harness)["total"]) == ([("10", 1000)], 3000)
    until(harness, end + 2 * HOUR)
    harness.usage()
    harness.reconcile()
    assert len(subscription(harness)["items"]["data"]) == 1
