"""Records that only explain the past are deleted after a time; records in use are kept."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.setup.prune import prune
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
DAY = 86_400


def rows(harness: Harness) -> dict[str, int]:
    names = (
        "plan",
        "comparison",
        "document",
        "difference",
        "drift",
        "entity_status",
        "mirror",
        "step",
        "journal_intent",
        "journal_outcome",
        "link",
        "run",
    )
    with harness.engine.connect() as connection:
        return {
            name: connection.execute(text(f"select count(*) from stripe_sync.{name}")).scalar_one() for name in names
        }


def test_old_plans_and_versions_go_and_the_next_run_is_quiet(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.stigg["customers"][0]["name"] = "Renamed"
    harness.merge(small_world)
    harness.reconcile()
    harness.later(100 * DAY)
    harness.reconcile()
    before = rows(harness)
    session = harness.session()
    gone = prune(session, 62, Operator("ann", "retention"))
    assert (gone["plans"], gone["comparisons"]) == (2, 2)
    assert gone["versions of mirrors"] > 0 and gone["results of steps"] > 0
    after = rows(harness)
    kept = ("journal_intent", "journal_outcome", "link", "run")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (after["plan"], after["comparison"]) == (1, 1) and after["document"] < before["document"]
    assert (after["difference"], after["drift"], after["entity_status"]) == (0, 0, 0) and gone["differences"] == before[
        "drift"
    ] > 0
    assert set(prune(session, 62, Operator("ann", "again")).values()) == {0}
    with pytest.raises(ConfigurationError, match="62 days"):
        prune(session, 30, Operator("ann", "too eager"))
    session.close()
    harness.reconcile()
    assert harness.plan().plan.actions == []


def test_the_newest_comparison_stays_however_old_it_is(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.later(400 * DAY)
    session = harness.session()
    gone = prune(session, 62, Operator("ann", "retention"))
    session.close()
    assert (gone["plans"], gone["comparisons"], gone["versions of mirrors"]) == (0, 0, 0)
    assert rows(harness)["plan"] == 1
