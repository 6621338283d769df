"""Storms: a tenth to a third of all requests go wrong, in every way, and runs follow runs until all is quiet.

The end is the one of an undisturbed run. TEST_SEED and TEST_STORMS say which storms and how many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest
import stripe

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import RunStopped, StripeSyncError
from tests import generated
from tests.essence import essence
from tests.house import House

Build = Callable[[WorldBuilder], House]
SEED, STORMS = int(os.environ.get("TEST_SEED", "1")), int(os.environ.get("TEST_STORMS", "1"))
PATHS = ("/v1/products", "/v1/prices", "/v1/coupons", "/v1/customers", "/v1/subscriptions", "/v1/invoiceitems")


def brewed(dice: random.Random, *, share: float) -> list[Fault]:
    """Faults for about so many of the next requests of each path."""
    found = []
    for path in PATHS:
        for method in ("GET", "POST", "POST", "POST", "DELETE"):
            for _ in range(3):
                if dice.random() < share:
                    found.append(one(dice, method, path))
    if dice.random() < 0.3:
        found.append(Fault("GET", "/v1/account", kind=dice.choice(["status", "reset"])))
    return found


def one(dice: random.Random, method: str, path: str) -> Fault:
    kind = dice.choice(["status"] * 4 + ["reset", "truncate", "delay"])
    if method == "GET" and dice.random() < 0.3:
        kind = dice.choice(["shift", "stale"])
    return Fault(method, path, nth=dice.randint(1, 9), status=dice.choice([500, 503, 429, 409]),
                 when=dice.choice(["before", "after"]), kind=kind, seconds=0.02)  # fmt: skip


@pytest.mark.parametrize("number", range(STORMS))
def test_a_storm_ends_where_an_undisturbed_run_ends(
    house_of: Build, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stripe.HTTPClient, "INITIAL_DELAY", 0.001)
    seed = SEED * 1000 + number
    dice, town = random.Random(seed), generated.town_of(seed)
    calm, house = house_of(town), house_of(town)
    calm.reconcile()
    house.attempts, share = 1, dice.uniform(0.1, 0.3)
    for day in range(2):
        for attempt in range(6):
            house.world.faults[:] = brewed(dice, share=share)
            try:
                house.reconcile(f"day-{day}-{attempt}")
            except StripeSyncError:
                continue
        house.world.faults.clear()
        for last in range(3):
            try:
                house.reconcile(f"day-{day}-last-{last}")
            except RunStopped:
                continue
        assert house.plan().plan.actions == [], f"seed {seed}, day {day}"
        assert essence(house) == essence(calm), f"seed {seed}, day {day}"
        generated.change(random.Random(seed + day), town)
        calm.merge(town)
        house.merge(town)
        calm.reconcile()
