"""One rate budget for all who work on an account."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.warehouse.budget import PostgresBudget
from tests.house import House

Build = Callable[[WorldBuilder], House]


def test_workers_together_stay_within_the_share_and_do_not_lock_each_other(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    budgets = [PostgresBudget(house.engine, "acct_1", 200.0, 100.0, 1.0) for _ in range(4)]
    starts: list[float] = []

    def work(budget: PostgresBudget) -> None:
        for n in range(25):
            budget.wait(f"get /v1/{'ab'[n % 2]}")
            starts.append(time.monotonic())

    threads = [threading.Thread(target=work, args=(budget,)) for budget in budgets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    took = max(starts) - min(starts)
    assert len(starts) == 100
    assert took >= 99 / 200, "the account's limit holds for the two endpoints together"


def test_an_endpoint_is_spaced_evenly(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    budget = PostgresBudget(house.engine, "acct_1", 1000.0, 20.0, 0.5)
    starts = [budget.reserve("post /v1/prices") + time.monotonic() for _ in range(5)]
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert sum(gaps) / 4 == pytest.approx(1 / (20 * 0.5 * 0.95), rel=0.2)
