"""A paid subscription that becomes free under its id (SB 18.9): Stigg has no date of it, and the renewal may lie before or after.

The plan is 20.00 a month and 0.0027 a call; 1,234 calls before the renewal are 3.33 (1234 x 0.27 cents = 333.18).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from sandbox.resources.stigg.changes import change_plan
from sandbox.world.state import iso
from stripe_sync.warehouse.comparisons import statuses
from tests import warehouses
from tests.house import House
from tests.metering import DAY, HOUR, MINUTE, cycle, ledger, lines, subscription, until, use
from tests.scenarios.test_month_end_endings import finals, used_to_the_end

Build = Callable[[WorldBuilder], House]


def house_with(house_of: Build, metered: WorldBuilder) -> tuple[House, int]:
    """A house three minutes before the renewal, in which s-1 was seen paid for; (house, renewal)."""
    metered.plan("free", "Free", [], pricing="FREE")
    house = house_of(metered)
    return house, used_to_the_end(house)


def detail(house: House) -> str:
    (found,) = statuses.find(house.engine, "test", "s-1")
    return found.detail


@pytest.mark.parametrize("late", [5 * MINUTE, 2 * HOUR, DAY, 33 * DAY], ids=["minutes", "hours", "a day", "a month"])
@pytest.mark.parametrize("change", [-MINUTE, 2 * MINUTE], ids=["before the renewal", "after it"])
def test_a_renewal_between_two_readings_is_collected_no_more_and_a_person_says(
    house_of: Build, metered: WorldBuilder, late: int, change: int
) -> None:
    """Paid for three minutes before the renewal, free at the next reading: nobody knows whether the period was sold."""
    house, end = house_with(house_of, metered)
    until(house, end + change)
    change_plan(house.world, "s-1", "free")
    until(house, end + late)
    collected = sum(i["amount_paid"] for i in house.objects("invoices"))
    house.reconcile()
    assert subscription(house)["status"] == "canceled"
    assert house.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
    renewals = 2 if late > 31 * DAY else 1
    assert detail(house).count("may sell a period after the end") == renewals
    assert detail(house).count("20.00 USD for the time after") == renewals
    found = house.usage(wakes=True)
    assert any("3.33 USD" in page and "Stigg has no date between" in page for page in found["pages"])
    assert ledger(house) == {"unbillable": ("1234", 333)}
    assert finals(house) == []
    until(house, end + late + 40 * DAY)
    house.reconcile()
    assert sum(i["amount_paid"] for i in house.objects("invoices")) == collected, "nothing more is collected"
    assert house.status("s-1") == ("PENDING", "RENEWED_AFTER_END")


def test_seen_paid_after_the_renewal_the_period_is_owed(house_of: Build, metered: WorldBuilder) -> None:
    house, end = house_with(house_of, metered)
    until(house, end + 3 * MINUTE)
    house.reconcile()
    until(house, end + 5 * MINUTE)
    change_plan(house.world, "s-1", "free")
    until(house, end + 10 * MINUTE)
    house.usage()
    house.reconcile()
    draft = cycle(house)
    assert (subscription(house)["status"], draft["auto_advance"]) == ("active", True)
    until(house, end + HOUR + 10 * MINUTE)
    house.usage()
    house.reconcile()
    assert (draft["status"], draft["amount_paid"]) == ("paid", 2000 + 333)
    assert subscription(house)["status"] == "canceled"
    assert house.status("s-1")[0] == "NO_SYNC_REQUIRED"


def test_seen_free_before_the_renewal_the_period_was_never_sold(house_of: Build, metered: WorldBuilder) -> None:
    """The cancellation waited for a person until after the renewal: what decides is when it was first seen free."""
    house, end = house_with(house_of, metered)
    change_plan(house.world, "s-1", "free")
    house.limit(deletes=0)
    until(house, end - 2 * MINUTE)
    house.reconcile()
    assert subscription(house)["status"] == "active"
    house.limit(deletes=100)
    until(house, end + 10 * MINUTE)
    use(house, 5000, end + MINUTE)  # on the free plan
    house.reconcile()
    assert subscription(house)["status"] == "canceled"
    house.usage()
    (final,) = finals(house)
    assert lines(final) == [("1234", 333)], "and nothing of what was used on the free plan"
    until(house, end + 3 * HOUR)
    house.usage()
    assert (cycle(house)["status"], cycle(house)["auto_advance"]) == ("draft", False)
    assert (final["status"], final["amount_paid"]) == ("paid", 333)
    assert ledger(house) == {"billed": ("1234", 333)}
    assert "20.00 USD are not" in detail(house)


def test_a_change_that_stigg_had_planned_has_its_moment(house_of: Build, metered: WorldBuilder) -> None:
    """At the end of the period: the reading before it shows the plan and the moment."""
    house, end = house_with(house_of, metered)
    row = house.stigg("subscriptions", subscriptionId="s-1")
    row["futureUpdates"] = [
        {"scheduleStatus": "Scheduled", "scheduledExecutionTime": iso(end), "subscriptionScheduleType": "Downgrade",
         "targetPackage": {"refId": "free", "versionNumber": 1}}
    ]  # fmt: skip
    until(house, end - MINUTE)
    house.reconcile()
    until(house, end)
    change_plan(house.world, "s-1", "free")
    row["futureUpdates"] = []
    until(house, end + 10 * MINUTE)
    house.reconcile()
    house.usage()
    (final,) = finals(house)
    assert lines(final) == [("1234", 333)]
    assert "sells a period that Stigg never sold" in detail(house)
    until(house, end + 3 * HOUR)
    house.usage()
    assert (cycle(house)["auto_advance"], final["amount_paid"]) == (False, 333)


def test_a_warehouse_that_never_saw_it_paid_collects_nothing_of_the_renewal(
    house_of: Build, metered: WorldBuilder
) -> None:
    """A fresh warehouse knows the link by its mark, and the end alone that a reading showed: the plan stays the same."""
    house, end = house_with(house_of, metered)
    until(house, end + 2 * MINUTE)
    change_plan(house.world, "s-1", "free")
    until(house, end + 5 * MINUTE)
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        house.limit(deletes=0)
        hashes = set()
        for _ in range(2):
            stored = house.plan()
            (action,) = [a for a in stored.plan.actions if a.kind == "subscription.cancel"]
            assert action.cause == "renewed_after_end"
            assert action.after["ended_between"] == [None, end + 5 * MINUTE]
            hashes.add(action.hash)
            house.later(MINUTE)
        assert len(hashes) == 1, "an approval of it holds"
