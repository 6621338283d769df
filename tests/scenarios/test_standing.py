"""Differences and statuses are carried forward while there are no relevant changes, and no longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from stripe_sync.core.config import packaged
from stripe_sync.jobs.runtime import manual_actions
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.setup.prune import prune
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import comparisons, drift_rows, links
from stripe_sync.warehouse.snapshots import changes
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
HOUR = 3600


def decided(harness: Harness, **params: Any) -> bool:
    """Plan; return whether everything was compared for it."""
    stored = harness.plan(**params)
    return bool((runs.result(harness.engine, "test", stored.run_id, "compare") or {})["decided"])


def settled(harness_of: Build, small_world: WorldBuilder) -> Harness:
    """A harness in order, whose links and rows a second run has taken up, and whose first invoices are finalized."""
    harness = harness_of(small_world)
    harness.reconcile()
    harness.later(2 * HOUR)
    assert decided(harness), "the first run's writes decide"
    return harness


def test_a_quiet_run_decides_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = settled(harness_of, small_world)
    assert not decided(harness)
    harness.later(HOUR)
    assert not decided(harness)
    assert decided(harness, full=True)


def test_open_drift_is_the_same_and_so_is_the_word_on_its_entities(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = settled(harness_of, small_world)
    (customer,) = [c for c in harness.objects("customers") if c["metadata"].get("stiggEntityId") == "c-1"]
    harness.stripe().v1.customers.update(customer["id"], {"name": "By hand"})
    harness.stripe().v1.subscriptions.cancel(harness.objects("subscriptions")[0]["id"])
    harness.change(modes={"customers": "propose", "catalog": "enforce", "subscriptions": "observe", "usage": "enforce"})
    harness.reconcile()
    assert harness.status("c-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    anew = harness.decision(full=True)
    assert anew == harness.decision(full=True)
    harness.reconcile()
    assert harness.status("c-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    assert harness.decision() == anew
    assert harness.status("c-1") == ("PENDING", "WAITS_FOR_WRITE"), "a plan asks nobody"


def test_what_goes_on_to_differ_is_not_written_again_by_each_run(harness_of: Build, small_world: WorldBuilder) -> None:
    """An account that only looks may differ in everything for weeks."""
    harness = harness_of(small_world)
    harness.change(modes=dict.fromkeys(("catalog", "customers", "subscriptions", "usage"), "observe"))
    first = harness.plan()
    rows = kept(harness)
    assert rows["drift"] > 10
    before = harness.decision()
    assert (kept(harness), harness.decision()) == (rows, before), "a quiet run adds nothing, and finds the same"
    harness.later(HOUR)
    since = {d.since for d in before[1]}
    harness.stigg("customers", customerId="c-1")["name"] = "Renamed"
    after = harness.decision()
    assert {d.since for d in after[1]} == since, "they differ since they were seen first, whatever they have become"
    assert 0 < kept(harness)["drift"] - rows["drift"] < rows["drift"] / 2, "those of the customer alone are others"
    with harness.engine.connect() as connection:
        again = drift_rows.load_drift(connection, first.comparison_id)
    assert [d.id for d in again] == [d.id for d in before[1]], "what the first plan was about can still be read"


def kept(harness: Harness) -> dict[str, int]:
    """Count the stored rows of current and former differences."""
    with harness.engine.connect() as connection:
        return {
            table: connection.execute(text(f"select count(*) from stripe_sync.{table}")).scalar_one()
            for table in ("difference", "drift", "entity_status")
        }


def renamed_in_stigg(harness: Harness) -> None:
    harness.stigg("customers", customerId="c-1")["name"] = "Renamed"


def renamed_in_stripe(harness: Harness) -> None:
    harness.stripe().v1.customers.update(harness.objects("customers")[0]["id"], {"name": "By hand"})


def another_setting(harness: Harness) -> None:
    harness.change(stripe={"days_until_due": 14})


def exempted(harness: Harness) -> None:
    manual_actions.ignore(harness.session(), "customer", "c-1", Operator("ada", "their wish"))


def a_link_less(harness: Harness) -> None:
    with harness.engine.begin() as connection:
        links.end(connection, "test", "subscription:test:s-1", by="a test")


def a_link_more(harness: Harness) -> None:
    with harness.engine.begin() as connection:
        links.add(connection, "test", "subscription:test:s-9", "sub_9", source="person")


def a_day(harness: Harness) -> None:
    harness.later(24 * HOUR)


@pytest.mark.parametrize(
    "change",
    [
        renamed_in_stigg, renamed_in_stripe, another_setting, exempted, a_link_less, a_link_more, a_day,
    ],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_whatever_decides_decides_anew(
    harness_of: Build, small_world: WorldBuilder, change: Callable[[Harness], None]
) -> None:
    harness = settled(harness_of, small_world)
    harness.change(modes={})
    assert decided(harness), "modes are settings"
    assert not decided(harness)
    change(harness)
    assert decided(harness)


def test_other_code_decides_anew(harness_of: Build, small_world: WorldBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = settled(harness_of, small_world)
    monkeypatch.setattr(packaged, "version", lambda: "of tomorrow")
    assert decided(harness)


def test_a_moment_that_comes_decides_anew(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = settled(harness_of, small_world)
    harness.change(modes={"subscriptions": "observe"})
    end = iso(harness.world.now + 5 * HOUR)
    harness.stigg("subscriptions", subscriptionId="s-1").update({"cancellationDate": end, "effectiveEndDate": end})
    assert [row.field for row in harness.drift()] == ["cancel_at"]
    harness.later(4 * HOUR)
    assert not decided(harness)
    harness.later(2 * HOUR)
    assert harness.drift() == [], "the moment is over, and Stigg does not say that it ended"


def test_how_a_missing_one_begins_moves_with_the_time(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(modes={"catalog": "enforce", "customers": "enforce"}, stripe={"late_start_hours": 5})
    harness.reconcile()
    first = {"backdate_start_date" in a.after for a in harness.plan().plan.actions}
    harness.later(HOUR)
    assert not decided(harness), "what is missing does not move by itself"
    harness.later(5 * HOUR)
    later = {"backdate_start_date" in a.after for a in harness.plan().plan.actions}
    assert (first, later) == ({True}, {False}), "what is late is not billed for the time before"


def test_what_stands_is_not_pruned(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = settled(harness_of, small_world)
    harness.change(full_sync_interval_hours=24 * 365)
    harness.stripe().v1.customers.update(harness.objects("customers")[0]["id"], {"name": "By hand"})
    harness.plan()
    assert not decided(harness)
    prune(harness.session(), 62, Operator("ada", "to make room"))  # nothing is old; what a person did decides anew
    assert decided(harness)
    with harness.engine.begin() as connection:
        connection.execute(text("update stripe_sync.run set started_at = started_at - interval '100 days'"))
    before = harness.decision()
    gone = prune(harness.session(), 62, Operator("ada", "to make room"))
    assert gone["comparisons"] > 0
    with harness.engine.connect() as connection:
        left = comparisons.newest(connection, "test")
        assert left is not None
        assert before[2] == harness.documents(connection, left[0]) != {}


@pytest.mark.parametrize(("many", "everything"), [(20, False), (1, True)])
def test_of_very_much_that_changed_no_names_are_collected(
    harness_of: Build, small_world: WorldBuilder, monkeypatch: pytest.MonkeyPatch, many: int, everything: bool
) -> None:
    harness = settled(harness_of, small_world)
    for number in (1, 2):
        harness.stigg("customers", customerId=f"c-{number}")["name"] = "Renamed"
    monkeypatch.setattr(changes, "FULL_COMPARISON_THRESHOLD", many)
    stored = harness.plan()
    assert (runs.result(harness.engine, "test", stored.run_id, "compare") or {})["everything"] is everything
    assert len(stored.plan.actions) == 2
