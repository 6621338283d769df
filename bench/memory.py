"""Memory of reading and staging: ``python -m bench.memory URL WAREHOUSE`` prints MB above the imports."""

from __future__ import annotations

import sys


def main() -> None:
    from bench.figures import peak_mb
    from bench.server import NOW
    from bench.stages_read import api
    from stripe_sync.core.clock import from_epoch
    from stripe_sync.jobs.extract.ranges import Listing, pages
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.snapshots import staging

    url, warehouse = sys.argv[1:]
    made = engine.connect(warehouse)
    with api(url, warehouse) as client:
        client.page("/v1/subscriptions", limit=100)
        before = peak_mb()
        read = pages(client.page, [Listing("subscription", "/v1/subscriptions", {})], upper=NOW, readers=4)
        rows = (staging.StagedRow("subscription", row["id"], row) for _, page, _ in read for row in page)
        staging.close(made, environment="memory", side="stripe", run_id="x", kinds=("subscription",), upper_bound=from_epoch(NOW), rows=rows)  # fmt: skip
    print(peak_mb() - before)


if __name__ == "__main__":
    main()
