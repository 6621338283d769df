"""A read of everything that is interrupted goes on where it was, in the same run and in no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import Transient
from stripe_sync.jobs.reconcile.steps.extract_stripe import extract_stripe
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def rooms(harness: Harness) -> int:
    """Count the staging schemas of unfinished extracts."""
    with harness.engine.connect() as connection:
        found = connection.execute(text("select count(*) from pg_namespace where starts_with(nspname, 'staging_')"))
        return int(found.scalar_one())


def broken_off(harness: Harness, id: str) -> None:
    """A whole read that fails when the subscriptions are its turn."""
    harness.attempts = 1
    fault = Fault("GET", "/v1/subscriptions", status=500, times=100)
    harness.world.faults.append(fault)
    session = harness.session()
    with pytest.raises(Transient):
        extract_stripe(session, harness.run(session, id, full=True))
    session.close()
    harness.world.faults.remove(fault)


def requested(harness: Harness) -> list[str]:
    return [r.path for r in harness.world.requests if r.side == "stripe" and r.method == "GET"]


def read(harness: Harness, id: str) -> dict[str, int]:
    harness.world.requests.clear()
    session = harness.session()
    found = extract_stripe(session, harness.run(session, id, full=True))
    session.close()
    return dict(found.summary.counts)


def test_an_interrupted_read_goes_on_in_its_run(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(stripe={"readers": 1})
    harness.reconcile()
    whole = read(harness, "whole")
    everything = requested(harness)
    broken_off(harness, "broken")
    assert rooms(harness) == 1
    assert read(harness, "broken") == whole
    assert "/v1/customers" not in requested(harness), "what was read whole is not read again"
    assert "/v1/subscriptions" in requested(harness)
    assert len(requested(harness)) < len(everything)
    assert rooms(harness) == 0
    assert harness.plan().plan.actions == []


def test_another_run_begins_anew_and_clears_away(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(stripe={"readers": 1})
    harness.reconcile()
    whole = read(harness, "whole")
    broken_off(harness, "broken")
    assert read(harness, "another") == whole
    assert {"/v1/customers", "/v1/products", "/v1/prices"} <= set(requested(harness))
    assert rooms(harness) == 0
