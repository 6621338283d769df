"""Backfills by hand: a window chooses what is taken up; what is wanted is always the present."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.reconcile.backfill import params_of
from tests import shell
from tests.house import House

Build = Callable[[WorldBuilder], House]
DAY = 86_400


def params(house: House, days: float, *, until: float = 0, repair: bool = True) -> dict[str, object]:
    """The window from so many days ago until so many days ago."""
    now = house.world.now
    return params_of(
        iso(now - int(days * DAY)),
        iso(now - int(until * DAY)),
        entities=[],
        customers=[],
        repair=repair,
        now=from_epoch(now),
    )


def late_change(house: House) -> None:
    """A customer that was renamed three days ago, and one that was renamed today."""
    for id, days in (("c-1", 3), ("c-2", 0.5)):
        house.stigg("customers", customerId=id).update(
            {"name": f"Renamed {id}", "updatedAt": iso(house.world.now - int(days * DAY))}
        )


def names(house: House) -> set[str]:
    return {c["name"] for c in house.objects("customers")}


def test_only_what_was_changed_in_the_window_is_taken_up(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    house.world.now += 10 * DAY
    late_change(house)
    house.reconcile("window", **params(house, 4, until=2))
    assert names(house) == {"Renamed c-1", "Customer 2", "Customer 3"}
    house.reconcile("all")
    assert names(house) == {"Renamed c-1", "Renamed c-2", "Customer 3"}


def test_it_plans_and_writes_nothing_unless_it_is_to_repair(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    house.world.now += 10 * DAY
    late_change(house)
    writes = house.writes()
    house.reconcile("look", **params(house, 4, repair=False))
    assert house.writes() == writes
    assert len(house.plan(**params(house, 4, repair=False)).plan.actions) == 2


def test_an_old_window_never_brings_back_an_old_state(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    house.world.now += 10 * DAY
    late_change(house)
    house.reconcile()
    house.stigg("customers", customerId="c-1")["name"] = "The present"
    house.reconcile("old", **params(house, 4, until=2))
    assert "The present" in names(house)


def test_a_window_that_is_none_is_one_sentence(house_of: Build, town: WorldBuilder) -> None:
    now = from_epoch(town.now)
    with pytest.raises(ConfigurationError, match="empty"):
        params_of("2026-11-02", "2026-11-01", entities=[], customers=[], repair=False, now=now)
    with pytest.raises(ConfigurationError, match="no moment"):
        params_of("last week", "", entities=[], customers=[], repair=False, now=now)


def test_from_the_shell(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    env = shell.environ(house, shell.TOML + shell.ENFORCE + shell.LIMITS)
    assert shell.command(env, "backfill", "test", "--since", "2026-11-01", "--json").returncode == 2
    assert house.writes() == 0
    done = shell.command(env, "backfill", "test", "--since", "2026-11-01", "--repair", "--json")
    assert done.returncode == 0, done.stderr
    assert shell.command(env, "backfill", "test", "--since", "soon").returncode == 1
    assert shell.command(env, "backfill", "test", "--since", "2026-11-01").returncode == 0


def test_thirty_nine_days_without_a_run(house_of: Build, town: WorldBuilder) -> None:
    """Nothing is doubled, renewals are not billed short, and everything is read since the feed reaches no further."""
    house = house_of(town)
    house.change(stripe_feed=True)
    house.reconcile()
    house.reconcile()
    house.later(39 * DAY)
    house.world.stripe["events"] = {
        id: e for id, e in house.world.stripe["events"].items() if e["created"] > house.world.now - 30 * DAY
    }
    house.stigg("customers", customerId="c-1")["name"] = "Renamed"
    before = {name: len(house.objects(name)) for name in ("products", "prices", "customers", "subscriptions")}
    house.reconcile("late")
    assert {name: len(house.objects(name)) for name in before} == before
    assert "Renamed" in names(house)
    assert house.plan().plan.actions == []
