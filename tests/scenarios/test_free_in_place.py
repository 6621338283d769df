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
from tests.scenarios.test_month_end_endings import LATE, finals, used_to_the_end
from tests.support import warehouses
from tests.support.cases import chosen_cases, crossed
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, ledger, lines, subscription, until, use

Build = Callable[[WorldBuilder], Harness]


def harness_with(harness_of: Build, metered: WorldBuilder) -> tuple[Harness, int]:
    """A harness three minutes before the renewal, in which s-1 was seen paid for; (harness, renewal)."""
    metered.plan("free", "Free", [], pricing="FREE")
    harness = harness_of(metered)
    return harness, used_to_the_end(harness)


def detail(harness: Harness) -> str:
    (found,) = statuses.find(harness.engine, "test", "s-1")
    return found.detail


CHANGED = {"before the renewal": -MINUTE, "after it": 2 * MINUTE}


@pytest.mark.parametrize(("changed", "first_run"), chosen_cases(crossed(list(CHANGED), list(LATE)), 4))
def test_a_renewal_between_two_readings_is_collected_no_more_and_a_person_says(
    harness_of: Build, metered: WorldBuilder, changed: str, first_run: str
) -> None:
    """Paid for three minutes before the renewal, free at the next reading: nobody knows whether the period was sold."""
    change, late = CHANGED[changed], LATE[first_run]
    harness, end = harness_with(harness_of, metered)
    until(harness, end + change)
    change_plan(harness.world, "s-1", "free")
    until(harness, end + late)
    collected = sum(i["amount_paid"] for i in harness.objects("invoices"))
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")
    renewals = 2 if late > 31 * DAY else 1
    assert detail(harness).count("may sell a period after the end") == renewals
    assert detail(harness).count("20.00 USD for the time after") == renewals
    found = harness.usage(alerts=True)
    assert any("3.33 USD" in page and "Stigg has no date between" in page for page in found["pages"])
    assert ledger(harness) == {"unbillable": ("1234", 333)}
    assert finals(harness) == []
    until(harness, end + late + 40 * DAY)
    harness.reconcile()
    assert sum(i["amount_paid"] for i in harness.objects("invoices")) == collected, "nothing more is collected"
    assert harness.status("s-1") == ("PENDING", "RENEWED_AFTER_END")


def test_seen_paid_after_the_renewal_the_period_is_owed(harness_of: Build, metered: WorldBuilder) -> None:
    harness, end = harness_with(harness_of, metered)
    until(harness, end + 3 * MINUTE)
    harness.reconcile()
    until(harness, end + 5 * MINUTE)
    change_plan(harness.world, "s-1", "free")
    until(harness, end + 10 * MINUTE)
    harness.usage()
    harness.reconcile()
    draft = cycle(harness)
    assert (subscription(harness)["status"], draft["auto_advance"]) == ("active", True)
    until(harness, end + HOUR + 10 * MINUTE)
    harness.usage()
    harness.reconcile()
    assert (draft["status"], draft["amount_paid"]) == ("paid", 2000 + 333)
    assert subscription(harness)["status"] == "canceled"
    assert harness.status("s-1")[0] == "NO_SYNC_REQUIRED"


def test_seen_free_before_the_renewal_the_period_was_never_sold(harness_of: Build, metered: WorldBuilder) -> None:
    """The cancellation waited for a person until after the renewal: what decides is when it was first seen free."""
    harness, end = harness_with(harness_of, metered)
    change_plan(harness.world, "s-1", "free")
    harness.limit(deletes=0)
    until(harness, end - 2 * MINUTE)
    harness.reconcile()
    assert subscription(harness)["status"] == "active"
    harness.limit(deletes=100)
    until(harness, end + 10 * MINUTE)
    use(harness, 5000, end + MINUTE)  # on the free plan
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    harness.usage()
    (final,) = finals(harness)
    assert lines(final) == [("1234", 333)], "and nothing of what was used on the free plan"
    until(harness, end + 3 * HOUR)
    harness.usage()
    assert (cycle(harness)["status"], cycle(harness)["auto_advance"]) == ("draft", False)
    assert (final["status"], final["amount_paid"]) == ("paid", 333)
    assert ledger(harness) == {"billed": ("1234", 333)}
    assert "20.00 USD are not" in detail(harness)


def test_a_change_that_stigg_had_planned_has_its_moment(harness_of: Build, metered: WorldBuilder) -> None:
    """At the end of the period: the reading before it shows the plan and the moment."""
    harness, end = harness_with(harness_of, metered)
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    row["futureUpdates"] = [
        {"scheduleStatus": "Scheduled", "scheduledExecutionTime": iso(end), "subscriptionScheduleType": "Downgrade",
         "targetPackage": {"refId": "free", "versionNumber": 1}}
    ]  # fmt: skip
    until(harness, end - MINUTE)
    harness.reconcile()
    until(harness, end)
    change_plan(harness.world, "s-1", "free")
    row["futureUpdates"] = []
    until(harness, end + 10 * MINUTE)
    harness.reconcile()
    harness.usage()
    (final,) = finals(harness)
    assert lines(final) == [("1234", 333)]
    assert "sells a period that Stigg never sold" in detail(harness)
    until(harness, end + 3 * HOUR)
    harness.usage()
    assert (cycle(harness)["auto_advance"], final["amount_paid"]) == (False, 333)


def test_a_warehouse_that_never_saw_it_paid_collects_nothing_of_the_renewal(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """A fresh warehouse knows the link by its mark, and the end alone that a reading showed: the plan stays the same."""
    harness, end = harness_with(harness_of, metered)
    until(harness, end + 2 * MINUTE)
    change_plan(harness.world, "s-1", "free")
    until(harness, end + 5 * MINUTE)
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        harness.limit(deletes=0)
        hashes = set()
        for _ in range(2):
            stored = harness.plan()
            (action,) = [a for a in stored.plan.actions if a.kind == "subscription.cancel"]
            assert action.cause == "renewed_after_end"
            assert action.after["ended_between"] == [None, end + 5 * MINUTE]
            hashes.add(action.hash)
            harness.later(MINUTE)
        assert len(hashes) == 1, "an approval of it holds"
