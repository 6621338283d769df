"""What was decided stands while nothing that decides has changed, and not a moment longer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from stripe_sync.core.config import packaged
from stripe_sync.jobs.runtime import manual_actions
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.setup.prune import prune
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import comparisons, links
from stripe_sync.warehouse.snapshots import changes
from tests.house import House

Build = Callable[[WorldBuilder], House]
HOUR = 3600


def decided(house: House, **params: Any) -> bool:
    """Plans; whether everything was decided anew for it."""
    stored = house.plan(**params)
    return bool((runs.result(house.engine, "test", stored.run_id, "compare") or {})["decided"])


def settled(house_of: Build, town: WorldBuilder) -> House:
    """A house in order, whose links and rows a second run has taken up, and whose first invoices are finalized."""
    house = house_of(town)
    house.reconcile()
    house.later(2 * HOUR)
    assert decided(house), "the first run's writes decide"
    return house


def test_a_quiet_run_decides_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = settled(house_of, town)
    assert not decided(house)
    house.later(HOUR)
    assert not decided(house)
    assert decided(house, full=True)


def test_open_drift_is_the_same_and_so_is_the_word_on_its_entities(house_of: Build, town: WorldBuilder) -> None:
    house = settled(house_of, town)
    (customer,) = [c for c in house.objects("customers") if c["metadata"].get("stiggEntityId") == "c-1"]
    house.stripe().v1.customers.update(customer["id"], {"name": "By hand"})
    house.stripe().v1.subscriptions.cancel(house.objects("subscriptions")[0]["id"])
    house.change(modes={"customers": "propose", "catalog": "enforce", "subscriptions": "observe", "usage": "enforce"})
    house.reconcile()
    assert house.status("c-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    anew = house.decision(full=True)
    assert anew == house.decision(full=True)
    house.reconcile()
    assert house.status("c-1") == ("PENDING", "WAITS_FOR_APPROVAL")
    assert house.decision() == anew
    assert house.status("c-1") == ("PENDING", "WAITS_FOR_WRITE"), "a plan asks nobody"


def test_what_goes_on_to_differ_is_not_written_again_by_each_run(house_of: Build, town: WorldBuilder) -> None:
    """An account that only looks may differ in everything for weeks."""
    house = house_of(town)
    house.change(modes=dict.fromkeys(("catalog", "customers", "subscriptions", "usage"), "observe"))
    first = house.plan()
    rows = kept(house)
    assert rows["drift"] > 10
    before = house.decision()
    assert (kept(house), house.decision()) == (rows, before), "a quiet run adds nothing, and finds the same"
    house.later(HOUR)
    since = {d.since for d in before[1]}
    house.stigg("customers", customerId="c-1")["name"] = "Renamed"
    after = house.decision()
    assert {d.since for d in after[1]} == since, "they differ since they were seen first, whatever they have become"
    assert 0 < kept(house)["drift"] - rows["drift"] < rows["drift"] / 2, "those of the customer alone are others"
    with house.engine.connect() as connection:
        again = comparisons.load_drift(connection, first.comparison_id)
    assert [d.id for d in again] == [d.id for d in before[1]], "what the first plan was about can still be read"


def kept(house: House) -> dict[str, int]:
    """How many rows are kept of what differs and differed."""
    with house.engine.connect() as connection:
        return {
            table: connection.execute(text(f"select count(*) from {table}")).scalar_one()
            for table in ("difference", "drift", "judged")
        }


def renamed_in_stigg(house: House) -> None:
    house.stigg("customers", customerId="c-1")["name"] = "Renamed"


def renamed_in_stripe(house: House) -> None:
    house.stripe().v1.customers.update(house.objects("customers")[0]["id"], {"name": "By hand"})


def another_setting(house: House) -> None:
    house.change(days_until_due=14)


def exempted(house: House) -> None:
    manual_actions.ignore(house.session(), "customer", "c-1", Hand("ada", "their wish"))


def a_link_less(house: House) -> None:
    with house.engine.begin() as connection:
        links.end(connection, "test", "subscription:test:s-1", by="a test")


def a_link_more(house: House) -> None:
    with house.engine.begin() as connection:
        links.add(connection, "test", "subscription:test:s-9", "sub_9", source="person")


def a_day(house: House) -> None:
    house.later(24 * HOUR)


@pytest.mark.parametrize(
    "change",
    [
        renamed_in_stigg, renamed_in_stripe, another_setting, exempted, a_link_less, a_link_more, a_day,
    ],
    ids=lambda change: change.__name__,
)  # fmt: skip
def test_whatever_decides_decides_anew(house_of: Build, town: WorldBuilder, change: Callable[[House], None]) -> None:
    house = settled(house_of, town)
    house.change(modes={})
    assert decided(house), "modes are settings"
    assert not decided(house)
    change(house)
    assert decided(house)


def test_other_code_decides_anew(house_of: Build, town: WorldBuilder, monkeypatch: pytest.MonkeyPatch) -> None:
    house = settled(house_of, town)
    monkeypatch.setattr(packaged, "version", lambda: "of tomorrow")
    assert decided(house)


def test_a_moment_that_comes_decides_anew(house_of: Build, town: WorldBuilder) -> None:
    house = settled(house_of, town)
    house.change(modes={"subscriptions": "observe"})
    end = iso(house.world.now + 5 * HOUR)
    house.stigg("subscriptions", subscriptionId="s-1").update({"cancellationDate": end, "effectiveEndDate": end})
    assert [row.field for row in house.drift()] == ["cancel_at"]
    house.later(4 * HOUR)
    assert not decided(house)
    house.later(2 * HOUR)
    assert house.drift() == [], "the moment is over, and Stigg does not say that it ended"


def test_how_a_missing_one_begins_moves_with_the_time(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(modes={"catalog": "enforce", "customers": "enforce"}, late_start_hours=5)
    house.reconcile()
    first = {"backdate_start_date" in a.after for a in house.plan().plan.actions}
    house.later(HOUR)
    assert not decided(house), "what is missing does not move by itself"
    house.later(5 * HOUR)
    later = {"backdate_start_date" in a.after for a in house.plan().plan.actions}
    assert (first, later) == ({True}, {False}), "what is late is not billed for the time before"


def test_what_stands_is_not_pruned(house_of: Build, town: WorldBuilder) -> None:
    house = settled(house_of, town)
    house.change(full_read_hours=24 * 365)
    house.stripe().v1.customers.update(house.objects("customers")[0]["id"], {"name": "By hand"})
    house.plan()
    assert not decided(house)
    prune(house.session(), 62, Hand("ada", "to make room"))  # nothing is old; what a person did decides anew
    assert decided(house)
    with house.engine.begin() as connection:
        connection.execute(text("update run set started_at = started_at - interval '100 days'"))
    before = house.decision()
    gone = prune(house.session(), 62, Hand("ada", "to make room"))
    assert gone["comparisons"] > 0
    with house.engine.connect() as connection:
        left = comparisons.newest(connection, "test")
        assert left is not None
        assert before[2] == house.documents(connection, left[0]) != {}


@pytest.mark.parametrize(("many", "everything"), [(20, False), (1, True)])
def test_of_very_much_that_changed_no_names_are_collected(
    house_of: Build, town: WorldBuilder, monkeypatch: pytest.MonkeyPatch, many: int, everything: bool
) -> None:
    house = settled(house_of, town)
    for number in (1, 2):
        house.stigg("customers", customerId=f"c-{number}")["name"] = "Renamed"
    monkeypatch.setattr(changes, "MANY", many)
    stored = house.plan()
    assert (runs.result(house.engine, "test", stored.run_id, "compare") or {})["everything"] is everything
    assert len(stored.plan.actions) == 2
