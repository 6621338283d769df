"""Manual backfills: a window selects the differences to plan; the target is always the current state."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.reconcile.backfill import params_of
from tests.support import shell
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
DAY = 86_400


def params(harness: Harness, days: float, *, until: float = 0, repair: bool = True) -> dict[str, object]:
    """The window from so many days ago until so many days ago."""
    now = harness.world.now
    return params_of(
        iso(now - int(days * DAY)),
        iso(now - int(until * DAY)),
        entities=[],
        customers=[],
        repair=repair,
        now=from_epoch(now),
    )


def late_change(harness: Harness) -> None:
    """A customer that was renamed three days ago, and one that was renamed today."""
    for id, days in (("c-1", 3), ("c-2", 0.5)):
        harness.stigg("customers", customerId=id).update(
            {"name": f"Renamed {id}", "updatedAt": iso(harness.world.now - int(days * DAY))}
        )


def names(harness: Harness) -> set[str]:
    return {c["name"] for c in harness.objects("customers")}


def test_only_what_was_changed_in_the_window_is_taken_up(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.world.now += 10 * DAY
    late_change(harness)
    harness.reconcile("window", **params(harness, 4, until=2))
    assert names(harness) == {"Renamed c-1", "Customer 2", "Customer 3"}
    harness.reconcile("all")
    assert names(harness) == {"Renamed c-1", "Renamed c-2", "Customer 3"}


def test_it_plans_and_writes_nothing_unless_it_is_to_repair(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.world.now += 10 * DAY
    late_change(harness)
    writes = harness.writes()
    harness.reconcile("look", **params(harness, 4, repair=False))
    assert harness.writes() == writes
    assert len(harness.plan(**params(harness, 4, repair=False)).plan.actions) == 2


def test_an_old_window_never_brings_back_an_old_state(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.world.now += 10 * DAY
    late_change(harness)
    harness.reconcile()
    harness.stigg("customers", customerId="c-1")["name"] = "The present"
    harness.reconcile("old", **params(harness, 4, until=2))
    assert "The present" in names(harness)


def test_a_window_that_is_none_is_one_sentence(harness_of: Build, small_world: WorldBuilder) -> None:
    now = from_epoch(small_world.now)
    with pytest.raises(ConfigurationError, match="empty"):
        params_of("2026-11-02", "2026-11-01", entities=[], customers=[], repair=False, now=now)
    with pytest.raises(ConfigurationError, match="is not a time"):
        params_of("last week", "", entities=[], customers=[], repair=False, now=now)


def test_from_the_shell(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    env = shell.environ(harness, shell.TOML + shell.ENFORCE + shell.LIMITS)
    assert shell.command(env, "backfill", "test", "--since", "2026-11-01", "--json").returncode == 2
    assert harness.writes() == 0
    done = shell.command(env, "backfill", "test", "--since", "2026-11-01", "--repair", "--json")
    assert done.returncode == 0, done.stderr
    assert shell.command(env, "backfill", "test", "--since", "soon").returncode == 1
    assert shell.command(env, "backfill", "test", "--since", "2026-11-01").returncode == 0


def test_thirty_nine_days_without_a_run(harness_of: Build, small_world: WorldBuilder) -> None:
    """Nothing is doubled, renewals are not billed short, and everything is read since the feed reaches no further."""
    harness = harness_of(small_world)
    harness.change(stripe={"feed": True})
    harness.reconcile()
    harness.reconcile()
    harness.later(39 * DAY)
    harness.world.stripe["events"] = {
        id: e for id, e in harness.world.stripe["events"].items() if e["created"] > harness.world.now - 30 * DAY
    }
    harness.stigg("customers", customerId="c-1")["name"] = "Renamed"
    before = {name: len(harness.objects(name)) for name in ("products", "prices", "customers", "subscriptions")}
    harness.reconcile("late")
    assert {name: len(harness.objects(name)) for name in before} == before
    assert "Renamed" in names(harness)
    assert harness.plan().plan.actions == []
