"""One rate budget for all who work on an account."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.jobs.runtime.preflight import checks
from stripe_sync.warehouse.writes.budget import PACE, PostgresBudget, reads_this_month
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def test_workers_together_stay_within_the_share_and_do_not_lock_each_other(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    budgets = [PostgresBudget(harness.engine, "acct_1", 200.0, 100.0, 1.0) for _ in range(4)]
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


def test_an_endpoint_is_spaced_evenly(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    budget = PostgresBudget(harness.engine, "acct_1", 1000.0, 20.0, 0.5)
    starts = [budget.reserve("post /v1/prices") + time.monotonic() for _ in range(5)]
    gaps = [b - a for a, b in itertools.pairwise(starts)]
    assert sum(gaps) / 4 == pytest.approx(1 / (20 * 0.5 * 0.95), rel=0.2)


def test_writes_keep_the_pace_of_the_endpoint_under_latency_without_a_429(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """120 ms a call and Stripe's own limit of 25 a second an endpoint, for more than ten seconds: one call an object."""
    for number in range(260):
        small_world.customer(f"many-{number}", f"Many {number}", f"m{number}@example.test", hasPaymentMethod=True)
    harness = harness_of(small_world)
    harness.world.limits |= {"account": 100, "endpoint": 25}
    harness.change(stripe={"endpoint_rate": 25, "account_rate": 100, "rate_limit_share": 1.0})
    harness.plan()
    harness.world.faults.append(Fault("POST", "/v1/customers", kind="delay", seconds=0.12, times=10_000))
    harness.world.requests.clear()
    started = time.monotonic()
    harness.reconcile(entities=["customer"])
    creates = [r for r in harness.world.requests if r.method == "POST" and r.path == "/v1/customers"]
    assert len(creates) == len(harness.objects("customers")) == 263
    assert {r.status for r in harness.world.requests if r.side == "stripe"} <= {200, 404}
    with harness.engine.connect() as connection:
        seconds = connection.execute(
            text("select extract(epoch from max(intended_at) - min(intended_at)) from stripe_sync.journal_intent")
        ).scalar_one()
    rate = (len(creates) - 1) / float(seconds)
    assert seconds > 10
    assert rate >= 0.95 * 25 * PACE, f"{rate:.1f} a second, of {25 * PACE:.1f}"
    assert time.monotonic() - started < 30


def test_stripes_429_slows_down_what_it_named_for_everybody(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    one = PostgresBudget(harness.engine, "acct_1", 1000.0, 50.0, 1.0)
    other = PostgresBudget(harness.engine, "acct_1", 1000.0, 50.0, 1.0)
    one.slow_down("post /v1/prices", "endpoint-rate")
    slowed = [other.reserve("post /v1/prices") for _ in range(11)]
    free = [other.reserve("post /v1/products") for _ in range(11)]
    assert slowed[-1] - slowed[0] > 1.3 * (free[-1] - free[0])


def test_what_is_urgent_is_served_first(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    slow, urgent = (PostgresBudget(harness.engine, "acct_1", 50.0, 1e6, 1.0, lane) for lane in ("catalog", "usage"))
    alone = [slow.reserve("post /v1/prices") for _ in range(11)]
    time.sleep(max(0.0, alone[-1]))
    urgent.reserve("post /v1/invoiceitems")
    beside = [slow.reserve("post /v1/prices") for _ in range(11)]
    assert beside[-1] - beside[0] > 1.5 * (alone[-1] - alone[0])


def test_reads_are_counted_against_the_monthly_allocation_and_warned_about(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.change(stripe={"monthly_reads": 13})
    harness.plan()
    reads = sum(r.method == "GET" and r.side == "stripe" for r in harness.world.requests)
    assert reads_this_month(harness.engine, harness.environment.stripe_account) == reads
    session = harness.session()
    (line,) = [check for check, _ in checks(session) if check.name == "reads"]
    session.close()
    assert (line.state, "of 13 reads" in line.text) == (("warning" if reads > 9 else "ok"), True)
