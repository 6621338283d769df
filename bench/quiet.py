"""Runs at one size: full, quiet, and with ten changes; ``python -m bench.quiet CUSTOMERS`` prints figures as JSON."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path

from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat, per_unit
from sandbox.world.state import iso
from stripe_sync.core.settings import Limits
from tests.support import warehouses
from tests.support.harness import Harness, built


def catalog() -> WorldBuilder:
    """Return a world of one plan with a flat fee and seats, without customers."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("seats", "Seats")
    world.plan("pro", "Pro", [flat(20), per_unit("seats", 5)])
    return world


def main() -> None:
    customers = int(sys.argv[1])
    world = catalog()
    for number in range(customers):
        world.customer(f"c-{number}", f"Customer {number}")
        world.subscription(f"s-{number}", f"c-{number}", "pro", units={"seats": 2})
    warehouses.start()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STRIPE_SYNC_REPORTS"] = folder
        with built(world, Path(folder)) as harness:
            many = 10**9
            money = {"usd": str(many)}
            limits = Limits(actions=many, day_actions=many, share=1.0, deletes=many, due_now=money, per_month=money)
            harness.change(limits=limits, stripe={"feed": True}, stigg={"feed": True}, max_plan_size=many)
            full, *_ = run(harness)
            run(harness)  # reads the objects that the first one wrote
            quiet, gets, writes, stigg = run(harness)
            read = reading(harness)
            for number in range(10):
                row = harness.stigg("customers", customerId=f"c-{number}")
                row |= {"name": "Renamed", "updatedAt": iso(harness.world.now)}
            few, few_gets, few_writes, _ = run(harness)
            few_read = reading(harness)
    warehouses.stop()
    figures = {
        "full": full,
        "quiet": quiet,
        "read": read,
        "gets": gets,
        "writes": writes,
        "stigg": stigg,
        "few": few,
        "few_read": few_read,
        "few_gets": few_gets,
        "few_writes": few_writes,
    }
    print(json.dumps(figures))


def run(harness: Harness) -> tuple[float, int, int, int]:
    """(seconds, GETs to Stripe, writes to Stripe, requests to Stigg) of one run, two hours after the one before."""
    harness.later(7200)
    harness.world.requests.clear()
    started = time.monotonic()
    harness.reconcile()
    seconds = time.monotonic() - started
    requests = harness.world.requests
    gets = sum(r.side == "stripe" and r.method == "GET" for r in requests)
    return seconds, gets, harness.writes(), sum(r.side == "stigg" for r in requests)


def reading(harness: Harness) -> float:
    """Return the seconds that the newest run spent on reading Stigg, which its pages and limits decide."""
    with harness.engine.connect() as connection:
        seconds = connection.execute(
            text(
                "select extract(epoch from read.finished_at - before.finished_at) from stripe_sync.step as read "
                "inner join stripe_sync.step as before on before.run_id = read.run_id and before.step = 'preflight' "
                "where read.step = 'extract_stigg' order by read.finished_at desc limit 1"
            )
        ).scalar_one()
    return float(seconds)


if __name__ == "__main__":
    main()
