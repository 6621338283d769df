"""A start that a person back-dated in Stigg is charged from the next period (BILLING 6, SB 18.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from tests.house import House

Build = Callable[[WorldBuilder], House]
HOUR, DAY = 3600, 86_400


def backdate(town: WorldBuilder, *, began: int, made: int) -> dict[str, Any]:
    """Move the start of s-1 into the past, ``began`` seconds before now; it was made ``made`` seconds before now."""
    row: dict[str, Any] = town.stigg["subscriptions"][0]
    start = town.now - began
    row |= {
        "startDate": iso(start),
        "createdAt": iso(town.now - made),
        "billingCycleAnchor": iso(start),
        "currentBillingPeriodStart": iso(start),
        "currentBillingPeriodEnd": iso(start + 30 * DAY),
    }
    return row


def billed(house: House) -> dict[str, Any]:
    (found,) = [s for s in house.objects("subscriptions") if s["metadata"].get("stiggEntityId") == "s-1"]
    return found


def invoices(house: House) -> list[tuple[str, int]]:
    id = billed(house)["id"]
    return [
        (i["billing_reason"], i["total"])
        for i in house.objects("invoices")
        if i["parent"]["subscription_details"]["subscription"] == id
    ]


@pytest.mark.parametrize("began", [10 * DAY, 24 * HOUR])
def test_a_backdated_start_is_charged_from_the_next_period_without_approval(
    house_of: Build, town: WorldBuilder, began: int
) -> None:
    """SB 18.11: nothing for the past; the period that begins next is the first charge, however short ago it began."""
    backdate(town, began=began, made=HOUR)
    house = house_of(town)
    (action,) = [a for a in house.plan().plan.actions if a.target == "subscription:test:s-1"]
    assert (action.cause, action.due_now) == ("backdated", {})
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
    assert invoices(house) == []
    assert billed(house)["billing_cycle_anchor"] == town.now - began + 30 * DAY
    house.later(30 * DAY - began + 2 * HOUR)
    assert invoices(house) == [("subscription_cycle", 3_000)], "20.00 and 2 seats at 5.00, once"


def test_a_backdated_start_is_charged_from_its_start_where_the_setting_says_so(
    house_of: Build, town: WorldBuilder
) -> None:
    backdate(town, began=24 * HOUR, made=HOUR)
    house = house_of(town)
    house.change(backdated_start="start")
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
    assert [total for _, total in invoices(house)] == [3_000], "20.00 and 2 seats at 5.00, for the running period"


def test_a_start_that_stigg_made_itself_is_charged_at_once(house_of: Build, town: WorldBuilder) -> None:
    """A minute between the start and the making of the row is Stigg's own; nobody back-dated it."""
    backdate(town, began=HOUR + 60, made=HOUR)
    house = house_of(town)
    house.reconcile()
    assert [total for _, total in invoices(house)] == [3_000]


def test_a_backdated_start_that_the_setting_takes_from_its_start_is_late_after_two_days(
    house_of: Build, town: WorldBuilder
) -> None:
    backdate(town, began=49 * HOUR, made=HOUR)
    house = house_of(town)
    house.change(backdated_start="start")
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_a_trial_that_was_backdated_is_charged_from_its_end(house_of: Build, town: WorldBuilder) -> None:
    """Paid time began when the trial ended, after the row was made: that start is Stigg's own."""
    row = backdate(town, began=20 * DAY, made=5 * DAY)
    row |= {"wasInTrial": True, "trialEndDate": iso(town.now - 2 * HOUR)}
    house = house_of(town)
    house.reconcile()
    assert billed(house)["start_date"] == town.now - 2 * HOUR
