"""Writes under Stripe's limits at 120 ms: ``python -m bench.writes CUSTOMERS WORKERS`` prints figures as JSON."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat
from sandbox.world.state import Fault
from tests.support import warehouses
from tests.support.harness import GENEROUS, built

LATENCY, RATE = 0.12, 25


def main() -> None:
    customers, workers = int(sys.argv[1]), int(sys.argv[2])
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.plan("pro", "Pro", [flat(20)])
    for number in range(customers):
        world.customer(f"c-{number}", f"Customer {number}")
        world.subscription(f"s-{number}", f"c-{number}", "pro")
    warehouses.start()
    with tempfile.TemporaryDirectory() as folder, built(world, Path(folder)) as harness:
        harness.world.limits = {"account": 100, "endpoint": RATE}
        harness.world.faults.append(Fault("POST", "/v1/customers", kind="delay", seconds=LATENCY, times=10 * customers))
        harness.change(
            modes={"catalog": "enforce", "customers": "enforce"}, stripe={"endpoint_rate": RATE, "account_rate": 100}, workers=workers,
            limits=GENEROUS, max_plan_size=10 * customers,
        )  # fmt: skip
        harness.limit(actions=10 * customers, day_actions=100 * customers)
        harness.reconcile()
        requests = [r for r in harness.world.requests if (r.method, r.path) == ("POST", "/v1/customers")]
        with harness.engine.connect() as connection:
            seconds = connection.execute(
                text(
                    "select extract(epoch from max(o.finished_at) - min(i.intended_at)) from stripe_sync.journal_intent as i "
                    "inner join stripe_sync.journal_outcome as o on o.intent_id = i.id where i.kind = 'customer.create'"
                )
            ).scalar_one()
    warehouses.stop()
    refused = sum(r.status == 429 for r in requests)
    print(json.dumps({"seconds": float(seconds), "requests": len(requests), "refused": refused, "made": customers}))


if __name__ == "__main__":
    main()
