"""Fault injection: a tenth to a third of all requests fail, in every way, and runs are repeated until nothing changes.

The end is the one of an undisturbed run. TEST_SEED and TEST_STORMS set the seed and the number.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
import stripe

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import FatalError, StripeSyncError
from tests.oracles.end_state import end_state
from tests.support import generated
from tests.support.cases import SEED
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
FAULT_RUNS = int(os.environ.get("TEST_STORMS", "1"))
PATHS = ("/v1/products", "/v1/prices", "/v1/coupons", "/v1/customers", "/v1/subscriptions", "/v1/invoiceitems")


def generated_world(rng: random.Random, *, share: float) -> list[Fault]:
    """Faults for about so many of the next requests of each path."""
    found = []
    for path in PATHS:
        for method in ("GET", "POST", "POST", "POST", "DELETE"):
            for _ in range(3):
                if rng.random() < share:
                    found.append(one(rng, method, path))
    if rng.random() < 0.3:
        found.append(Fault("GET", "/v1/account", kind=rng.choice(["status", "reset"])))
    return found


def one(rng: random.Random, method: str, path: str) -> Fault:
    kind = rng.choice(["status"] * 4 + ["reset", "truncate", "delay"])
    if method == "GET" and rng.random() < 0.3:
        kind = rng.choice(["shift", "stale"])
    return Fault(method, path, nth=rng.randint(1, 9), status=rng.choice([500, 503, 429, 409]),
                 when=rng.choice(["before", "after"]), kind=kind, seconds=0.02)  # fmt: skip


@pytest.mark.parametrize("number", range(FAULT_RUNS))
def test_a_storm_ends_where_an_undisturbed_run_ends(
    harness_of: Build, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    seed = SEED * 1000 + number
    rng, small_world = random.Random(seed), generated.world_of_seed(seed)
    calm, harness = harness_of(small_world), harness_of(small_world)
    calm.reconcile()
    harness.attempts, share = 1, rng.uniform(0.1, 0.3)
    for day in range(2):
        for attempt in range(6):
            harness.world.faults[:] = generated_world(rng, share=share)
            try:
                harness.reconcile(f"day-{day}-{attempt}")
            except StripeSyncError:
                continue
        harness.world.faults.clear()
        for last in range(3):
            try:
                harness.reconcile(f"day-{day}-last-{last}")
            except FatalError:
                continue
        assert harness.plan().plan.actions == [], f"seed {seed}, day {day}"
        assert end_state(harness.world) == end_state(calm.world), f"seed {seed}, day {day}"
        generated.change(random.Random(seed + day), small_world)
        calm.merge(small_world)
        harness.merge(small_world)
        calm.reconcile()
