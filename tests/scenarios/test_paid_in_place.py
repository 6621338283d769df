"""A plan that becomes paid under the id of its subscription: free to paid and custom to paid (SB 18.8, 18.9).

Stigg documents a new id for both; under the same one nothing is billed twice either.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from sandbox.resources.stigg.changes import change_plan, changed_in_place
from tests.scenarios.test_plan_changes import harness_with, of_customer, settled
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR

Build = Callable[[WorldBuilder], Harness]


def pay(harness: Harness) -> None:
    """Let s-1 be paid for under its id from now on, at 90.00 a month."""
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    changed_in_place(
        harness.world,
        row,
        {
            "customerId": "c-1",
            "planId": "big",
            "billingPeriod": "MONTHLY",
            "resourceId": None,
            "paymentCollectionMethod": "INVOICE",
        },
    )
    row["paymentCollectionMethod"] = "INVOICE"


@pytest.mark.parametrize("before", ["free", "custom"])
def test_a_plan_that_becomes_paid_under_its_id_is_billed_from_the_start_of_its_period(
    harness_of: Build, small_world: WorldBuilder, before: str
) -> None:
    """It began 3 hours ago and Stigg has no later date: its whole first month, 90.00, is billed once."""
    harness = harness_with(harness_of, small_world, before)
    assert of_customer(harness) == []
    pay(harness)
    settled(harness)
    (made,) = of_customer(harness)
    (first,) = [i for i in harness.objects("invoices") if i["customer"] == made["customer"]]
    assert first["total"] == 9_000
    assert made["start_date"] == harness.world.now - 3 * HOUR
    assert made["metadata"]["stiggEntityId"] == "s-1"
    assert harness.status("s-1") == ("SUCCESS", "")


def test_ten_days_later_the_running_period_is_left_to_a_person(harness_of: Build, small_world: WorldBuilder) -> None:
    """The creation waits for approval: nothing is due for the running period, then 90.00 a month from its end."""
    harness = harness_with(harness_of, small_world, "free")
    began = harness.world.now - 3 * HOUR
    harness.later(10 * DAY)
    pay(harness)
    (create,) = [a for a in harness.plan().plan.actions if a.kind == "subscription.create"]
    assert (create.cause, create.due_now, create.per_month) == ("late_start", {}, {"usd": 9_000})
    assert int(create.after["billing_cycle_anchor"]) == began + 30 * DAY, "November has 30 days"
    harness.reconcile()
    assert of_customer(harness) == []
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_paid_to_custom_and_back_under_the_same_id_goes_on_in_stripe(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """-19.92 and -9.96 for 20.00 and 10.00, 89.62 for 90.00: 717 of 720 hours are left. Together 59.74."""
    harness = harness_with(harness_of, small_world, "pro")
    (before,) = of_customer(harness)
    change_plan(harness.world, "s-1", "custom")
    harness.reconcile()
    pay(harness)
    settled(harness)
    (after,) = of_customer(harness)
    assert (after["id"], after["status"]) == (before["id"], "active")
    changes = [i["total"] for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert changes == [5_974]
    assert harness.status("s-1") == ("SUCCESS", "")
