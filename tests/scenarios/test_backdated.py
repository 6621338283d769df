"""A start that a person back-dated in Stigg is charged from the next period (BILLING 6, SB 18.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
HOUR, DAY = 3600, 86_400


def backdate(small_world: WorldBuilder, *, began: int, made: int) -> dict[str, Any]:
    """Move the start of s-1 into the past, ``began`` seconds before now; it was made ``made`` seconds before now."""
    row: dict[str, Any] = small_world.stigg["subscriptions"][0]
    start = small_world.now - began
    row |= {
        "startDate": iso(start),
        "createdAt": iso(small_world.now - made),
        "billingCycleAnchor": iso(start),
        "currentBillingPeriodStart": iso(start),
        "currentBillingPeriodEnd": iso(start + 30 * DAY),
    }
    return row


def billed(harness: Harness) -> dict[str, Any]:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    return found


def invoices(harness: Harness) -> list[tuple[str, int]]:
    id = billed(harness)["id"]
    return [
        (i["billing_reason"], i["total"])
        for i in harness.objects("invoices")
        if i["parent"]["subscription_details"]["subscription"] == id
    ]


@pytest.mark.parametrize("began", [10 * DAY, 24 * HOUR])
def test_a_backdated_start_is_charged_from_the_next_period_without_approval(
    harness_of: Build, small_world: WorldBuilder, began: int
) -> None:
    """SB 18.11: nothing for the past; the period that begins next is the first charge, however short ago it began."""
    backdate(small_world, began=began, made=HOUR)
    harness = harness_of(small_world)
    (action,) = [a for a in harness.plan().plan.actions if a.target == "subscription:test:s-1"]
    assert (action.cause, action.due_now) == ("backdated", {})
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    assert invoices(harness) == []
    assert billed(harness)["billing_cycle_anchor"] == small_world.now - began + 30 * DAY
    harness.later(30 * DAY - began + 2 * HOUR)
    assert invoices(harness) == [("subscription_cycle", 3_000)], "20.00 and 2 seats at 5.00, once"


def test_a_backdated_start_is_charged_from_its_start_where_the_setting_says_so(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    backdate(small_world, began=24 * HOUR, made=HOUR)
    harness = harness_of(small_world)
    harness.change(stripe={"backdated_start": "start"})
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    assert [total for _, total in invoices(harness)] == [3_000], "20.00 and 2 seats at 5.00, for the running period"


def test_a_start_that_stigg_made_itself_is_charged_at_once(harness_of: Build, small_world: WorldBuilder) -> None:
    """A minute between the start and the making of the row is Stigg's own; it was not back-dated."""
    backdate(small_world, began=HOUR + 60, made=HOUR)
    harness = harness_of(small_world)
    harness.reconcile()
    assert [total for _, total in invoices(harness)] == [3_000]


def test_a_backdated_start_that_the_setting_takes_from_its_start_is_late_after_two_days(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    backdate(small_world, began=49 * HOUR, made=HOUR)
    harness = harness_of(small_world)
    harness.change(stripe={"backdated_start": "start"})
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_a_trial_that_was_backdated_is_charged_from_its_end(harness_of: Build, small_world: WorldBuilder) -> None:
    """Paid time began when the trial ended, after the row was made: that start is Stigg's own."""
    row = backdate(small_world, began=20 * DAY, made=5 * DAY)
    row |= {"wasInTrial": True, "trialEndDate": iso(small_world.now - 2 * HOUR)}
    harness = harness_of(small_world)
    harness.reconcile()
    assert billed(harness)["start_date"] == small_world.now - 2 * HOUR
