"""``make bench``: reads, landing, comparing, a quiet run, memory and parse time, each beside its baseline.

SCALE is the share of the full size (1: 100,000 subscriptions and a million documents); 0.1 by default, about two minutes.
Leaves bench/results/latest.json, and prints a table. No absolute time is a target: ratios and counts are.
"""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench" / "results"
SUBSCRIPTIONS, DOCUMENTS, CUSTOMERS = 100_000, 1_000_000, 10_000
ENTITIES, PLAN, PAIRS, DECIDED = 1_000_000, 100_000, 10_000, 300_000
Figure = dict[str, Any]


def main() -> int:
    scale = float(os.environ.get("SCALE") or 0.1)
    from stripe_sync.warehouse import embedded

    figures: list[Figure] = []
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stripe_sync-bench-") as place, embedded.owned(Path(place)) as url:
        for name, stage in STAGES.items():
            print(f"{name} ...", flush=True)
            figures += stage(url, scale)
        embedded_state = Path(place)
    embedded.forget(embedded_state)
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    result = {
        "commit": commit.stdout.strip(), "scale": scale, "cores": os.cpu_count(), "python": platform.python_version(),
        "seconds": round(time.monotonic() - started, 1), "figures": figures,
    }  # fmt: skip
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    show(figures)
    return 0


def show(figures: list[Figure]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("stage", "what", "reached", "wanted", "beside"):
        table.add_column(column, overflow="fold")
    for f in figures:
        kept = {True: "green", False: "red"}.get(f.get("kept"), "")  # type: ignore[arg-type]
        table.add_row(f["stage"], f["what"], str(f["reached"]), f.get("wanted", ""), f.get("beside", ""), style=kept)
    Console(highlight=False, width=160).print(table)


def figure(
    stage: str, what: str, reached: Any, *, wanted: str = "", kept: bool | None = None, beside: str = ""
) -> Figure:
    return {"stage": stage, "what": what, "reached": reached, "wanted": wanted, "kept": kept, "beside": beside}


@contextmanager
def stub(count: int, *, latency: float, rate: float) -> Iterator[str]:
    """The stub of Stripe in a process of its own; its URL."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    program = [sys.executable, "-m", "bench.server", str(count), str(latency), str(rate), str(port)]
    process = subprocess.Popen(program, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            try:
                httpx.get(f"{url}/counts", timeout=1)
                break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(10)


def timed(work: Callable[[], Any]) -> tuple[float, float, Any]:
    """(seconds, CPU-seconds of this process, result)."""
    wall, cpu = time.monotonic(), time.process_time()
    result = work()
    return time.monotonic() - wall, time.process_time() - cpu, result


def api(url: str, warehouse: str, *, rate: float = 0.0, account: str = "acct_bench") -> Any:
    """Our client of the stub; under the shared budget where there is a rate."""
    from stripe_sync.stripe_api.client import StripeApi
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.budget import PostgresBudget

    budget = PostgresBudget(engine.connect(warehouse), account, 10 * rate, rate, 1.0) if rate else None
    return StripeApi("sk_test_bench", base_url=url, budget=budget)


def in_ranges(client: Any, names: list[str], workers: int) -> int:
    from bench.server import NOW
    from stripe_sync.mirror.ranges import Listing, pages

    lists = [Listing(name, f"/v1/{name}", {}) for name in names]
    return sum(len(page) for _, page, _ in pages(client.page, lists, upto=NOW, workers=workers))


def by_sdk(url: str, most: int) -> int:
    """The SDK's own iterator: typed objects, one page after another."""
    import stripe

    client = stripe.StripeClient("sk_test_bench", base_addresses={"api": url}, http_client=stripe.RequestsClient())
    count = 0
    for _ in client.v1.subscriptions.list({"limit": 100}).auto_paging_iter():
        count += 1
        if count >= most:
            break
    return count


def limited_read(warehouse: str, scale: float) -> list[Figure]:
    """A collection at 100 ms latency and 25 requests a second; then four at once under an account's limit."""
    count, rate = int(SUBSCRIPTIONS * scale), 25.0
    stage, found = "full read, 100 ms, 25/s an endpoint", []
    with stub(count, latency=0.1, rate=rate) as url:
        httpx.get(f"{url}/counts")
        with api(url, warehouse, rate=rate) as client:
            wall, _, rows = timed(lambda: in_ranges(client, ["subscriptions"], 8))
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
    """Without latency and limits: objects per CPU-second of this process, decoded and landed."""
    from stripe_sync.clock import from_epoch
    from stripe_sync.warehouse import engine, landing

    count, made = int(SUBSCRIPTIONS * scale), engine.connect(warehouse)
    with stub(count, latency=0, rate=0) as url, api(url, warehouse) as client:
        from bench.server import NOW
        from stripe_sync.mirror.ranges import Listing, pages

        def land() -> int:
            read = pages(client.page, [Listing("subscription", "/v1/subscriptions", {})], upto=NOW, workers=4)
            rows = (("subscription", row["id"], row) for _, page, _ in read for row in page)
            return landing.close(made, environment="bench", side="stripe", run_id="bench", kinds=("subscription",),
                                   upper_bound=from_epoch(NOW), rows=rows).counts["subscription"]  # fmt: skip

        _, cpu, rows = timed(land)
        few = max(1000, count // 10)
        _, sdk_cpu, _ = timed(lambda: row_wise(made, url, few))
    ratio = (rows / cpu) / (few / sdk_cpu)
    return [figure("full read, unlimited", "objects per CPU-second, read and landed, beside typed SDK and row-wise inserts",
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
        one, _, _ = timed(lambda: [in_ranges(client, [name], 8) for name in names])
    with stub(count, latency=0.1, rate=0) as url, api(url, warehouse, rate=25.0, account="acct_together") as client:
        together, _, _ = timed(lambda: in_ranges(client, names, 16))
    return [
        figure(
            "four collections",
            "times as fast at once as one after another",
            f"{one / together:.1f}",
            wanted="towards 4",
            kept=one / together >= 2.5,
        )
    ]


def compare(warehouse: str, scale: float) -> list[Figure]:
    """COPY of documents; comparing as many with 0.3 % drift, fields written, beside pandas' outer merge."""
    import pandas as pd
    from sqlalchemy import text

    from stripe_sync.clock import from_epoch
    from stripe_sync.model.documents import Claim
    from stripe_sync.warehouse import comparisons, engine, landing
    from stripe_sync.warehouse.engine import run_sql

    count, made = int(DOCUMENTS * scale), engine.connect(warehouse)
    pair = [landing.close(made, environment="bench", side=side, run_id="bench", kinds=("price",), upper_bound=from_epoch(0), rows=())
            for side in ("stigg", "stripe")]  # fmt: skip

    def documents(side: str) -> list[Claim]:
        return [
            Claim("price", f"price:bench:plan:p{n}:base:monthly:default", {"currency": "usd", "interval": "month", "active": True,
                  "unit_amount": "600" if side == "found" and n % 333 == 0 else "500"}, ("plan", f"p{n}"))
            for n in range(count)
        ]  # fmt: skip

    wanted, there = documents("wanted"), documents("found")
    with made.begin() as connection:
        comparison = comparisons.begin(connection, "bench", pair[0], pair[1])

        def stored() -> None:
            comparisons.copy(connection, "wanted", wanted)
            comparisons.copy(connection, "found", there)

        wall, _, _ = timed(stored)
        connection.execute(text("analyze decided"))
        joined, _, _ = timed(lambda: run_sql(connection, "drift/differences", comparison_id=comparison))
        differing = comparisons.differences(connection, comparison)
    assert len(differing) == -(-count // 333), len(differing)
    left = pd.DataFrame([{"key": c.key, **c.document} for c in wanted])
    right = pd.DataFrame([{"key": c.key, **c.document} for c in there])

    def merged() -> int:
        both = left.merge(right, on="key", how="outer", indicator=True, suffixes=("_wanted", "_found"))
        fields = ("currency", "interval", "active", "unit_amount")
        return int(sum((both[f"{f}_wanted"] != both[f"{f}_found"]) for f in fields).astype(bool).sum())

    pandas_wall, _, n = timed(merged)
    assert n == len(differing)
    polars_wall, n = by_polars(left, right)
    assert n == len(differing)
    return [
        figure("COPY", "documents a second", f"{2 * count / wall:,.0f}", wanted="300,000 (reported)"),
        figure("compare", f"{count:,} x {count:,} with 0.3 % drift: seconds beside pandas' outer merge", f"{joined / pandas_wall:.2f}",
               wanted="reported", kept=None, beside=f"{joined:.2f} s and {pandas_wall:.2f} s, which keeps no difference; frames made before"),
        figure("compare", "the same beside polars, from Parquet to the differing fields written", f"{joined / polars_wall:.2f}",
               wanted="at most 2", kept=joined <= 2 * polars_wall, beside=f"{joined:.2f} s and {polars_wall:.2f} s"),
    ]  # fmt: skip


def by_polars(left: Any, right: Any) -> tuple[float, int]:
    """(seconds, how many differ) of the same comparison by polars: from Parquet to Parquet with the fields that differ."""
    import polars as pl

    with tempfile.TemporaryDirectory(prefix="stripe_sync-bench-") as place:
        for name, frame in (("wanted", left), ("found", right)):
            pl.DataFrame(frame.to_dict("list")).write_parquet(f"{place}/{name}.parquet")

        def compared() -> int:
            wanted, found = pl.read_parquet(f"{place}/wanted.parquet"), pl.read_parquet(f"{place}/found.parquet")
            fields = [name for name in wanted.columns if name != "key"]
            both = wanted.join(found, on="key", how="full", suffix="_found", coalesce=True)
            differs = [pl.col(f).ne_missing(pl.col(f"{f}_found")) for f in fields]
            names = pl.concat_list(
                [pl.when(d).then(pl.lit(f)) for f, d in zip(fields, differs, strict=True)]
            ).list.drop_nulls()
            rows = both.filter(pl.any_horizontal(differs)).with_columns(names.alias("fields"))
            rows.write_parquet(f"{place}/differing.parquet")
            return rows.height

        wall, _, n = timed(compared)
    return wall, n


def quiet(warehouse: str, scale: float) -> list[Figure]:
    """A run with nothing to do at two sizes, and with few changes among many: requests, writes, seconds beside a full run."""
    found, seconds = [], {}
    for customers in (max(100, int(CUSTOMERS * scale / 10)), max(500, int(CUSTOMERS * scale))):
        figures = subprocess.run(
            [sys.executable, "-m", "bench.quiet", str(customers)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        if figures.returncode:
            raise SystemExit(figures.stderr[-3000:])
        seconds[customers] = json.loads(figures.stdout.splitlines()[-1])
    (small, _), (large, b) = seconds.items()
    for customers, f in seconds.items():
        found.append(figure("quiet run", f"{customers:,} customers: GETs to Stripe, writes", f"{f['gets']}, {f['writes']}", wanted="1 (2 with the hourly check), 0", kept=f["gets"] <= 2 and f["writes"] == 0,
                            beside=f"full run {f['full']:.1f} s, quiet {f['quiet']:.2f} s, of it {f['read']:.2f} s on {f['stigg']} requests to Stigg"))  # fmt: skip
    own = {customers: f["quiet"] - f["read"] for customers, f in seconds.items()}
    found.append(figure("quiet run", f"seconds at {large:,} beside {small:,}, without what reading Stigg takes", f"{own[large] / own[small]:.2f} times", wanted="within 1.2",
                        kept=own[large] / own[small] <= 1.2, beside=f"{own[large]:.2f} s and {own[small]:.2f} s"))  # fmt: skip
    least = -(-large // 25)
    found.append(figure("Stigg's scan", f"requests for {large:,} subscriptions in pages of 25", b["pages"], wanted=f"{least}, and one for what ended", kept=b["pages"] <= least + 1,
                        beside=f"{b['pages'] / 250:.1f} min at 250 requests a minute"))  # fmt: skip
    found.append(figure("few changes", f"{large:,} customers, 10 renamed: GETs to Stripe, writes, seconds of a full run", f"{b['few_gets']}, {b['few_writes']}, {b['few'] / b['full']:.2f}",
                        wanted="in proportion to the 10", kept=b["few_writes"] == 10 and b["few_gets"] <= 12))  # fmt: skip
    return found


def writing(warehouse: str, scale: float) -> list[Figure]:
    """Creations at 120 ms under 25 requests a second an endpoint, beside one at a time."""
    many = {}
    for count, workers in ((max(100, int(CUSTOMERS * scale)), 8), (40, 1)):
        program = [sys.executable, "-m", "bench.writes", str(count), str(workers)]
        many[workers] = json.loads(subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    at_once, alone = many[8], many[1]
    share = at_once["made"] / at_once["seconds"] / 25 / 0.95
    return [
        figure("writes, 120 ms, 25/s an endpoint", "of what the budget paces (95 % of the limit)", f"{share:.2f}", wanted="0.95 of the limit", kept=share >= 0.98,
               beside=f"one at a time: {alone['made'] / alone['seconds'] / 25 / 0.95:.2f}"),
        figure("writes, 120 ms, 25/s an endpoint", "calls a changed object; answers 429", f"{at_once['requests'] / at_once['made']:.2f}, {at_once['refused']}", wanted="1, 0",
               kept=(at_once["requests"], at_once["refused"]) == (at_once["made"], 0)),
    ]  # fmt: skip


def deciding(warehouse: str, scale: float) -> list[Figure]:
    """Everything, nothing and a hundred changes decided in an account of two sizes: seconds, and memory beyond the imports."""
    found = {}
    for customers in (max(100, int(DECIDED * scale / 10)), max(200, int(DECIDED * scale))):
        program = [sys.executable, "-m", "bench.deciding", str(customers)]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        found[customers] = json.loads(done.stdout.splitlines()[-1])
    (small, a), (large, b) = found.items()
    peak, before = max(b["whole_mb"], b["few_mb"]), max(a["whole_mb"], a["few_mb"], 10)
    stations = {name: b[f"{name}_gate"] + b[name] + b[f"{name}_plan"] for name in ("whole", "quiet", "few")}
    return [
        figure("deciding", f"{large:,} customers: seconds to decide and plan what 100 changes reach, of deciding everything", f"{b['few'] / b['whole']:.4f}",
               wanted="in proportion to the 100", kept=b["few"] / b["whole"] <= max(0.05, 500 / large),
               beside=f"{b['few']:.2f} s and {b['whole']:.1f} s; with gates and plan {stations['few']:.2f} s and {stations['whole']:.1f} s"),
        figure("deciding", f"seconds of 100 changes at {large:,} beside {small:,}", f"{b['few'] / a['few']:.2f} times", wanted="within 1.2",
               kept=b["few"] / a["few"] <= 1.2, beside=f"{b['few']:.2f} s and {a['few']:.2f} s"),
        figure("deciding", f"seconds of nothing at {large:,} beside {small:,}", f"{b['quiet'] / a['quiet']:.2f} times", wanted="within 1.2",
               kept=b["quiet"] / a["quiet"] <= 1.2, beside=f"{b['quiet']:.3f} s and {a['quiet']:.3f} s"),
        figure("memory", f"MB to decide everything for {large:,} customers, beyond what was there", f"{peak:.0f}", wanted="at most 150, and flat",
               kept=peak <= 150 and peak <= 1.1 * before, beside=f"{before:.0f} at {small:,}"),
    ]  # fmt: skip


def usage_close(warehouse: str, scale: float) -> list[Figure]:
    """Reading use in Stigg: of the configured limit at 60 ms, and without one beside a bare loop."""
    from bench.usage import bare, by_pipeline

    pairs = int(PAIRS * scale)
    with stub(1, latency=0.06, rate=0) as url:
        paced = by_pipeline(warehouse, url, max(100, pairs), per_minute=3000, name="paced")
    with stub(1, latency=0.06, rate=0) as url:
        free = by_pipeline(warehouse, url, max(200, pairs), per_minute=10**9, name="free")
        loop = bare(url, max(200, pairs))
    share = paced / 50
    return [
        figure("usage close", f"{pairs:,} readings at 60 ms under 3,000 a minute: of that limit", f"{share:.2f}", wanted="0.95",
               kept=share >= 0.94, beside=f"{pairs / (250 * 0.95):.0f} min for as many at Stigg's 250 a minute"),
        figure("usage close", "without a limit: beside a bare loop", f"{free / loop:.2f}", wanted="at least 0.80", kept=free / loop >= 0.8,
               beside=f"{free:.0f}/s and {loop:.0f}/s"),
    ]  # fmt: skip


def planning(warehouse: str, scale: float) -> list[Figure]:
    """The name of a big plan, and what people read of it."""
    from stripe_sync.plan import explain
    from stripe_sync.plan.actions import Action, Plan

    count = int(PLAN * scale)
    plan = Plan(environment="bench", actions=[
        Action(kind="customer.create", lane="customers", target=f"customer:bench:c-{n}", after={"name": f"Customer {n}", "email": None},
               entity=("customer", f"c-{n}"), serial=f"customer:bench:c-{n}", sentence=f"Create customer bench:c-{n}") for n in range(count)
    ])  # fmt: skip
    hashed, _, _ = timed(lambda: plan.hash)
    explained, _, _ = timed(lambda: sum(len(line) for line in explain.explain(plan, [], [], {})))
    encoded, _, _ = timed(lambda: json.dumps([a.target for a in plan.actions]))
    return [figure("plan", f"{count:,} actions: seconds of its hash and of its sentences", f"{hashed:.2f}, {explained:.2f}", wanted="reported",
                   kept=None, beside=f"JSON of the targets {encoded:.2f}")]  # fmt: skip


def memory(warehouse: str, scale: float) -> list[Figure]:
    """What reading and landing takes beyond the imports, at two sizes, in processes of their own."""
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
    return [figure("memory", f"MB to read and land {large:,} subscriptions, beyond the imports", f"{b:.0f}", wanted="at most 150, and flat", kept=b <= 150 and b <= 1.1 * a,
                   beside=f"{a:.0f} at {small:,}")]  # fmt: skip


def reading(warehouse: str, scale: float) -> list[Figure]:
    """The pages and the finance report on many entities."""
    from bench.reading import measure
    from stripe_sync.warehouse import embedded, engine

    entities = max(1000, int(ENTITIES * scale))
    with tempfile.TemporaryDirectory(prefix="stripe_sync-bench-") as place, embedded.owned(Path(place)) as url:
        pages, report, scanned = measure(engine.connect(url), entities)
        state = Path(place)
    embedded.forget(state)
    slowest = max(pages, key=lambda name: pages[name])
    return [
        figure("pages", f"seconds of the slowest page ({slowest}), {entities:,} entities", f"{pages[slowest]:.2f}", wanted="at most 1",
               kept=pages[slowest] <= 1, beside=f"all: {sum(pages.values()):.2f} s"),
        figure("pages", "big tables that a page reads from end to end", len(scanned), wanted="0", kept=not scanned, beside="; ".join(scanned)),
        figure("report", f"seconds of the finance report, {entities:,} entities", f"{report:.1f}", wanted="at most 30", kept=report <= 30),
    ]  # fmt: skip


def parsing(warehouse: str, scale: float) -> list[Figure]:
    """How long the DAG files take to import beyond Airflow itself, the slowest of them."""
    program = (
        "import time, importlib.util, pathlib, airflow.sdk, pendulum, airflow.providers.standard.operators.hitl\n"
        "import airflow.providers.standard.operators.trigger_dagrun\nworst = 0\n"
        "for p in sorted(pathlib.Path('dags').glob('*.py')):\n"
        "    t = time.monotonic(); s = importlib.util.spec_from_file_location(p.stem + '_dag', p)\n"
        "    m = importlib.util.module_from_spec(s); s.loader.exec_module(m); worst = max(worst, time.monotonic() - t)\n"
        "import sys; heavy = [n for n in ('stripe', 'pandas', 'great_expectations', 'sqlalchemy', 'altair') if n in sys.modules and n != 'sqlalchemy']\n"
        "print(f'{worst:.3f} {heavy}')"
    )
    with tempfile.TemporaryDirectory() as home:
        given = {
            "STRIPE_SYNC_CONFIG": str(ROOT / "demo" / "environments.toml"),
            "AIRFLOW_HOME": home,
            "PYTHONPATH": "plugins",
            "PYTHONWARNINGS": "ignore",
        }
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=os.environ | given,
            capture_output=True,
            text=True,
            check=True,
        )
    worst, _, heavy = done.stdout.strip().splitlines()[-1].partition(" ")
    return [
        figure(
            "DAG files",
            "seconds of the slowest, beyond Airflow; heavy modules",
            f"{worst}, {heavy}",
            wanted="0.3, none",
            kept=float(worst) < 0.3 and heavy == "[]",
        )
    ]


STAGES: dict[str, Callable[[str, float], list[Figure]]] = {
    "limited read": limited_read,
    "free read": free_read,
    "several collections": several,
    "compare": compare,
    "deciding": deciding,
    "quiet run": quiet,
    "writes": writing,
    "usage close": usage_close,
    "plan": planning,
    "memory": memory,
    "pages and report": reading,
    "DAG files": parsing,
}


def peak_mb() -> float:
    """The most memory that this process has held since it began; ``ru_maxrss`` would be that of who started it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    sys.exit(main())
