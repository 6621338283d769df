"""A coupon of N months lowers N invoices, and the next one is whole again (BILLING 4)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder, flat
from tests.support.harness import Harness
from tests.support.metering import HOUR, MINUTE, cycle, period_end, subscription, until

Build = Callable[[WorldBuilder], Harness]


def world() -> WorldBuilder:
    """Return s-1 with one month at 50%, and s-2 with two, on 100.00 a month; both began an hour ago."""
    made = WorldBuilder()
    made.product("acme", "Acme")
    made.plan("pro", "Pro", [flat(100)])
    for months in (1, 2):
        made.customer(f"c-{months}", f"Customer {months}", f"c{months}@example.test")
        made.subscription(f"s-{months}", f"c-{months}", "pro", hours_ago=1)
        made.coupon(f"half-{months}", percent=50, durationInMonths=months)
        made.stigg["subscriptions"][-1]["coupons"] = [made.applied(f"half-{months}", hours_ago=1)]
    return made


def totals(harness: Harness) -> list[int]:
    """Return the totals of the newest renewals of s-1 and s-2."""
    return [cycle(harness, f"s-{months}")["total"] for months in (1, 2)]


def test_a_coupon_given_an_hour_after_the_start_lowers_its_months_and_no_renewal_more(harness_of: Build) -> None:
    """s-1: 50.00, 100.00, 100.00; s-2: 50.00, 50.00, 100.00. Stripe's months begin an hour after the period that is billed."""
    harness = harness_of(world())
    harness.reconcile()
    assert harness.plan().plan.actions == []
    first = [harness.world.stripe["invoices"][subscription(harness, s)["latest_invoice"]] for s in ("s-1", "s-2")]
    assert [invoice["total"] for invoice in first] == [5000, 5000]
    renewals = []
    for _ in range(2):
        until(harness, period_end(harness) - 23 * HOUR)
        harness.reconcile()
        assert harness.plan().plan.actions == []
        until(harness, period_end(harness) + MINUTE)
        renewals.append(totals(harness))
        harness.reconcile()
    assert renewals == [[10000, 5000], [10000, 10000]]
    assert [harness.status(s) for s in ("s-1", "s-2")] == [("SUCCESS", "")] * 2
