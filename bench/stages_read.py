"""Reading stages: Stripe lists with and without rate limits, several at once, and staging."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx

from bench.figures import (
    ROOT,
    SUBSCRIPTIONS,
    Figure,
    figure,
    stub,
    timed,
)

READERS = 32  # as environments have them if they say nothing


def api(url: str, warehouse: str, *, rate: float = 0.0, account: str = "acct_bench") -> Any:
    """Our client of the stub; under the shared budget where there is a rate."""
    from stripe_sync.clients.stripe.client import StripeApi
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.writes.budget import PostgresBudget

    budget = PostgresBudget(engine.connect(warehouse), account, 10 * rate, rate, 1.0) if rate else None
    return StripeApi("sk_test_bench", base_url=url, budget=budget)


def in_ranges(client: Any, names: list[str], readers: int) -> int:
    from bench.server import NOW
    from stripe_sync.jobs.extract.ranges import Listing, pages

    lists = [Listing(name, f"/v1/{name}", {}) for name in names]
    return sum(len(page) for _, page, _ in pages(client.page, lists, upper=NOW, readers=readers))


def by_sdk(url: str, most: int) -> int:
    """Read with the SDK's iterator: typed objects, page by page."""
    import stripe

    client = stripe.StripeClient("sk_test_bench", base_addresses={"api": url}, http_client=stripe.RequestsClient())
    count = 0
    for _ in client.v1.subscriptions.list({"limit": 100}).auto_paging_iter():
        count += 1
        if count >= most:
            break
    return count


def limited_read(warehouse: str, scale: float) -> list[Figure]:
    """Read a list at 100 ms latency and 25 requests a second, then four at once under the account's limit."""
    count, rate = int(SUBSCRIPTIONS * scale), 25.0
    stage, found = "full read, 100 ms, 25/s an endpoint", []
    with stub(count, latency=0.1, rate=rate) as url:
        httpx.get(f"{url}/counts")
        with api(url, warehouse, rate=rate) as client:
            wall, _, rows = timed(lambda: in_ranges(client, ["subscriptions"], READERS))
        counts = httpx.get(f"{url}/counts").json()
        assert rows == count, (rows, count)
        pages = -(-count // 100)
        share = counts["requests"] / wall / (rate * 0.95)
        sdk_wall, _, sdk_rows = timed(lambda: by_sdk(url, count // 10))
    found.append(figure(stage, "requests a second, of what the budget paces (95 % of the limit)", f"{share:.2f}", wanted="0.90 of the limit",
                        kept=share * 0.95 >= 0.9, beside=f"SDK, one page after another: {sdk_rows / 100 / sdk_wall / rate:.2f}"))  # fmt: skip
    found.append(
        figure(
            stage,
            "requests a page",
            f"{counts['requests'] / pages:.3f}",
            wanted="at most 1.05",
            kept=counts["requests"] / pages <= 1.05,
        )
    )
    found.append(figure(stage, "answers 429", counts["refused"], wanted="0", kept=counts["refused"] == 0))
    return found


def free_read(warehouse: str, scale: float) -> list[Figure]:
    """Without latency and limits: objects per CPU-second of this process, decoded and staged."""
    from stripe_sync.core.clock import from_epoch
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.snapshots import staging

    count, made = int(SUBSCRIPTIONS * scale), engine.connect(warehouse)
    with stub(count, latency=0, rate=0) as url, api(url, warehouse) as client:
        from bench.server import NOW
        from stripe_sync.jobs.extract.ranges import Listing, pages

        def land() -> int:
            read = pages(client.page, [Listing("subscription", "/v1/subscriptions", {})], upper=NOW, readers=4)
            rows = (staging.StagedRow("subscription", row["id"], row) for _, page, _ in read for row in page)
            return staging.close(made, environment="bench", side="stripe", run_id="bench", kinds=("subscription",),
                                   upper_bound=from_epoch(NOW), rows=rows).counts["subscription"]  # fmt: skip

        _, cpu, rows = timed(land)
        few = max(1000, count // 10)
        _, sdk_cpu, _ = timed(lambda: row_wise(made, url, few))
    ratio = (rows / cpu) / (few / sdk_cpu)
    return [figure("full read, unlimited", "objects per CPU-second, read and staged; baseline: typed SDK and row-wise inserts",
                   f"{ratio:.1f} times", wanted="at least 6 times", kept=ratio >= 6, beside=f"{rows / cpu:,.0f} and {few / sdk_cpu:,.0f}")]  # fmt: skip


def row_wise(made: Any, url: str, most: int) -> None:
    import stripe
    from sqlalchemy import text

    client = stripe.StripeClient("sk_test_bench", base_addresses={"api": url}, http_client=stripe.RequestsClient())
    with made.begin() as connection:
        connection.execute(text("create temp table row_wise (id text, body jsonb) on commit drop"))
        for number, row in enumerate(client.v1.subscriptions.list({"limit": 100}).auto_paging_iter(), start=1):
            connection.execute(
                text("insert into row_wise values (:id, cast(:b as jsonb))"),
                {"id": row.id, "b": json.dumps(row.to_dict(), default=str)},
            )
            if number >= most:
                return


def several(warehouse: str, scale: float) -> list[Figure]:
    """Four collections at once: the account's limit is the ceiling, not one endpoint's."""
    count = int(SUBSCRIPTIONS * scale / 4)
    names = ["products", "prices", "customers", "subscriptions"]
    with stub(count, latency=0.1, rate=0) as url, api(url, warehouse, rate=25.0, account="acct_several") as client:
        one, _, _ = timed(lambda: [in_ranges(client, [name], READERS) for name in names])
    with stub(count, latency=0.1, rate=0) as url, api(url, warehouse, rate=25.0, account="acct_together") as client:
        httpx.get(f"{url}/counts")
        together, _, _ = timed(lambda: in_ranges(client, names, READERS))
        requests = httpx.get(f"{url}/counts").json()["requests"]
    share = requests / together / 100
    return [
        figure("four collections", "requests a second, of the account's limit of 100", f"{share:.2f}", wanted="0.90", kept=share >= 0.9,
               beside=f"{one / together:.1f} times as fast as one after another; {requests / (4 * count / 100):.3f} requests a page"),
    ]  # fmt: skip


def scan(warehouse: str, scale: float) -> list[Figure]:
    """Stigg's subscriptions, read page by page at 50 ms and staged; the baseline is a loop that only reads."""
    from stripe_sync.clients.stigg.client import StiggApi
    from stripe_sync.core.clock import from_epoch
    from stripe_sync.jobs.extract import stigg
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.snapshots import staging

    count, made = int(SUBSCRIPTIONS * scale), engine.connect(warehouse)
    with stub(count, latency=0.05, rate=0) as url, StiggApi("key", base_url=url) as client:

        def land() -> int:
            return staging.close(made, environment="scanned", side="stigg", run_id="bench", kinds=("subscription",),
                                 upper_bound=from_epoch(0), rows=stigg.listed(client, "subscription")).counts["subscription"]  # fmt: skip

        httpx.get(f"{url}/counts")
        wall, _, rows = timed(land)
        requests = httpx.get(f"{url}/counts").json()["requests"]
        few = max(10, requests // 10)
        bare, _, _ = timed(lambda: one_after_another(url, few))
    assert rows == count, (rows, count)
    least, share = -(-count // 25), (requests / wall) / (few / bare)
    logged = 2 + -(-count // 100 // 25)  # a hundredth of them is named by the logs, and read by id
    return [
        figure("Stigg's scan", f"requests for {count:,} subscriptions in pages of 25", f"{requests:,}", wanted=f"{least:,}", kept=requests == least,
               beside=f"{least / 1500:.1f} min at its limit of 1,500 a minute, {least / 600:.1f} at 100 ms; with event logs of 1 % {logged} requests"),
        figure("Stigg's scan", "pages a second, read and staged, as a share of a loop that only reads", f"{share:.2f}", wanted="0.95", kept=share >= 0.95,
               beside=f"{requests / wall:.1f} and {few / bare:.1f}"),
    ]  # fmt: skip


def one_after_another(url: str, pages: int) -> None:
    """Read pages of Stigg subscriptions, each with the cursor of the one before."""
    from stripe_sync.clients.stigg.documents import SUBSCRIPTIONS as DOCUMENT

    paging: dict[str, Any] = {"first": 25}
    with httpx.Client() as client:
        for _ in range(pages):
            body = {"query": DOCUMENT, "operationName": "Subscriptions", "variables": {"paging": paging}}
            page = client.post(f"{url}/graphql", json=body).json()["data"]["customerSubscriptions"]
            paging["after"] = page["pageInfo"]["endCursor"]


def memory(warehouse: str, scale: float) -> list[Figure]:
    """Measure memory of reading and staging above the imports, at two sizes, in separate processes."""
    found = {}
    for count in (int(SUBSCRIPTIONS * scale / 2), int(SUBSCRIPTIONS * scale)):
        with stub(count, latency=0, rate=0) as url:
            done = subprocess.run(
                [sys.executable, "-m", "bench.memory", url, warehouse],
                cwd=ROOT,
                capture_output=True,
                text=True,
                check=True,
            )
        found[count] = float(done.stdout)
    (small, a), (large, b) = found.items()
    return [figure("memory", f"MB to read and stage {large:,} subscriptions, above the imports", f"{b:.0f}", wanted="at most 150, and flat", kept=b <= 150 and b <= 1.1 * a,
                   beside=f"{a:.0f} at {small:,}")]  # fmt: skip
