"""A worker that dies in the middle of apply, and a backfill, in Airflow's real processes: in `make soak` alone."""

from __future__ import annotations

from collections import Counter

import httpx
import psutil

from demo.stack import Stack
from sandbox.world.state import Fault
from tests.stack.conftest import started, state_of, until
from tests.support.harness import Harness


def writers(stack: Stack, url: str) -> list[psutil.Process]:
    """Return the processes below the scheduler that talk to Stripe."""
    port = int(url.rpartition(":")[2])
    below = psutil.Process(stack.processes["scheduler"].pid).children(recursive=True)
    return [p for p in below if any(c.raddr and c.raddr.port == port for c in p.net_connections())]


def test_a_worker_killed_in_the_middle_of_apply_is_followed_by_a_try_that_finishes(
    harness: Harness, stack: Stack, rest: httpx.Client
) -> None:
    harness.world.faults.append(Fault("POST", "/v1/customers", nth=2, kind="delay", seconds=20))
    run = started(rest, "reconcile__test")
    until("the first customer is made", lambda: len(harness.objects("customers")) >= 1)
    victims = writers(stack, harness.stripe_url)
    assert victims
    for process in victims:
        process.kill()
    assert state_of(rest, "reconcile__test", run, seconds=400) == "success"
    task = rest.get(f"/dags/reconcile__test/dagRuns/{run}/taskInstances/apply").raise_for_status().json()
    assert task["try_number"] >= 2
    made = Counter(c["metadata"]["stiggCustomerId"] for c in harness.objects("customers"))
    assert made == {"c-1": 1, "c-2": 1, "c-3": 1}, "each once, also the one whose answer was lost"


def test_a_backfill_is_started_by_rest_and_finds_nothing_left(harness: Harness, rest: httpx.Client) -> None:
    writes = harness.writes()
    run = started(rest, "backfill__test", since="2026-11-01T00:00:00+00:00", action="repair")
    assert state_of(rest, "backfill__test", run) == "success"
    assert harness.writes() == writes
