"""Quantities that Stripe does not carry: more decimals are rounded once, more digits hold that row alone (BILLING 8)."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat, usage
from tests.support.harness import Harness
from tests.support.metering import HOUR, MINUTE, cycle, lines, period_end, until, use

Build = Callable[[WorldBuilder], Harness]
READ_AND_KEPT = text(
    "select u.reported_quantity, sum(u.quantity) from stripe_sync.usage_ledger as u group by u.window_id, u.reported_quantity "
    "having u.reported_quantity > 0"
)


def world() -> WorldBuilder:
    """Return two customers on a plan of 20.00 and 100.00 a call, who began three hours ago."""
    made = WorldBuilder()
    made.product("acme", "Acme")
    made.feature("calls", "API calls", meterType="Incremental")
    made.plan("pro", "Pro", [flat(20), usage("calls", 100)])
    for number in (1, 2):
        made.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        made.subscription(f"s-{number}", f"c-{number}", "pro")
    return made


def test_a_sum_of_binary_fractions_is_billed_and_one_absurd_quantity_holds_its_own_draft(harness_of: Build) -> None:
    """0.30000000000000004 x 100.00 = 30.00, and the rest of it is in the ledger; 1e29 of another customer stop only that one."""
    harness = harness_of(world())
    harness.reconcile()
    end = period_end(harness)
    use(harness, 0.1 + 0.2, end - HOUR)
    use(harness, 1e29, end - HOUR, customerId="c-2")
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    (problem,) = harness.usage()["failed"]
    assert "calls of s-2 count to 1.00e+29" in problem
    until(harness, end + 2 * HOUR)
    assert (lines(cycle(harness)), cycle(harness)["total"]) == ([("0.3", 3000)], 5000)
    assert (lines(cycle(harness, "s-2")), cycle(harness, "s-2")["status"]) == ([], "draft"), (
        "held until it is corrected"
    )
    with harness.engine.connect() as connection:
        ((read, kept),) = connection.execute(READ_AND_KEPT).all()
    assert str(read) == str(kept) == "0.30000000000000004"


def test_a_first_window_of_more_than_10000_waits_for_a_person(harness_of: Build) -> None:
    """101 calls x 100.00 = 10,100.00 wait, and the draft is held; 100 calls are 10,000.00 and go out."""
    harness = harness_of(world())
    harness.reconcile()
    end = period_end(harness)
    use(harness, 101, end - HOUR)
    use(harness, 100, end - HOUR, customerId="c-2")
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    (wait,) = harness.usage()["waits"]
    assert "10100.00 USD of calls of s-1" in wait
    until(harness, end + 2 * HOUR)
    assert (lines(cycle(harness)), cycle(harness)["status"]) == ([], "draft")
    assert lines(cycle(harness, "s-2")) == [("100", 1_000_000)]
