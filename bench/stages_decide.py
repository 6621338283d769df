"""The stages that decide: comparing, everything and little of a big account, quiet runs, plans."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import Any

from bench.figures import (
    CUSTOMERS,
    DECIDED,
    DOCUMENTS,
    MEASURED,
    PLAN,
    ROOT,
    Figure,
    figure,
    timed,
)


def compare(warehouse: str, scale: float) -> list[Figure]:
    """COPY of documents; comparing as many with 0.3 % drift, fields written, beside pandas' outer merge."""
    import pandas as pd
    from sqlalchemy import text

    from stripe_sync.core.clock import from_epoch
    from stripe_sync.domain.model.documents import ObjectDocument
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.comparisons import comparisons
    from stripe_sync.warehouse.engine import run_sql
    from stripe_sync.warehouse.snapshots import staging

    count, made = int(DOCUMENTS * scale), engine.connect(warehouse)
    pair = [staging.close(made, environment="bench", side=side, run_id="bench", kinds=("price",), upper_bound=from_epoch(0), rows=())
            for side in ("stigg", "stripe")]  # fmt: skip

    def documents(side: str) -> list[ObjectDocument]:
        return [
            ObjectDocument("price", f"price:bench:plan:p{n}:base:monthly:default", {"currency": "usd", "interval": "month", "active": True,
                  "unit_amount": "600" if side == "found" and n % 333 == 0 else "500"}, ("plan", f"p{n}"))
            for n in range(count)
        ]  # fmt: skip

    wanted, there = documents("wanted"), documents("found")
    with made.begin() as connection:
        comparison = comparisons.begin(connection, "bench", pair[0], pair[1])

        def stored() -> None:
            comparisons.stage(connection, targets=wanted, found=there)

        wall, _, _ = timed(stored)
        connection.execute(text("analyze decided"))
        joined, _, _ = timed(
            lambda: run_sql(connection, "drift/differences", environment="bench", comparison_id=comparison)
        )
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


def deciding(warehouse: str, scale: float) -> list[Figure]:
    """Compare everything, nothing and a hundred changes at two sizes: seconds, and memory above the imports."""
    found, repeats = {}, [] if scale >= MEASURED else ["1"]
    for customers in (max(100, int(DECIDED * scale / 10)), max(200, int(DECIDED * scale))):
        program = [sys.executable, "-m", "bench.deciding", str(customers), *repeats]
        done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr[-3000:])
        found[customers] = json.loads(done.stdout.splitlines()[-1])
    (small, a), (large, b) = found.items()
    first = max(b["first_mb"], b["first_plan_mb"], b["first_report_mb"])
    peak = max(b["whole_mb"], b["few_mb"], b["run_mb"])
    before = max(a["whole_mb"], a["few_mb"], a["run_mb"], 10)
    steps = {name: b[f"{name}_gate"] + b[name] + b[f"{name}_plan"] for name in ("whole", "quiet", "few")}
    return [
        figure("deciding", f"{large:,} customers: seconds to decide and plan what 100 changes reach, of deciding everything", f"{b['few'] / b['whole']:.4f}",
               wanted="in proportion to the 100", kept=b["few"] / b["whole"] <= max(0.05, 500 / large),
               beside=f"{b['few']:.2f} s and {b['whole']:.1f} s; with checks and plan {steps['few']:.2f} s and {steps['whole']:.1f} s"),
        figure("deciding", f"{large:,} customers who are missing: seconds of the run that follows, of the first", f"{b['again'] / b['first']:.2f}",
               wanted="reported", kept=None, beside=f"{b['again']:.1f} s and {b['first']:.0f} s"),
        figure("deciding", f"seconds of 100 changes at {large:,} beside {small:,}", f"{b['few'] / a['few']:.2f} times", wanted="within 1.2",
               kept=b["few"] / a["few"] <= 1.2, beside=f"{b['few']:.2f} s and {a['few']:.2f} s"),
        figure("deciding", f"seconds of nothing at {large:,} beside {small:,}", f"{b['quiet'] / a['quiet']:.2f} times", wanted="within 1.2",
               kept=b["quiet"] / a["quiet"] <= 1.2, beside=f"{b['quiet']:.3f} s and {a['quiet']:.3f} s"),
        figure("quiet run", f"{large:,} customers: GETs to Stripe of a whole run, without Stigg's scan", b["run_gets"], wanted="1", kept=b["run_gets"] == 1),
        figure("quiet run", f"seconds of a whole run at {large:,} beside one customer in the same process, without Stigg's scan",
               f"{b['run'] / b['alone']:.2f} times", wanted="within 1.2", kept=b["run"] / b["alone"] <= 1.2, beside=f"{b['run']:.2f} s and {b['alone']:.2f} s"),
        figure("quiet run", f"seconds of a whole run at {large:,} beside {small:,}, without Stigg's scan", f"{b['run'] / a['run']:.2f} times", wanted="within 1.2",
               kept=b["run"] / a["run"] <= 1.2, beside=f"{b['run']:.2f} s and {a['run']:.2f} s"),
        figure("memory", f"MB to compare everything for {large:,} customers, above the start", f"{peak:.0f}", wanted="at most 150, and flat",
               kept=peak <= 150 and peak <= 1.1 * before, beside=f"{before:.0f} at {small:,}"),
        figure("memory", f"MB of a first run of {large:,} customers: the most of deciding, plan and report", f"{first:.0f}", wanted="at most 150", kept=first <= 150,
               beside=f"{b['first_mb']:.0f}, {b['first_plan_mb']:.0f}, {b['first_report_mb']:.0f} MB; {b['first']:.0f}, {b['first_plan']:.1f}, {b['first_report']:.1f} s; {b['first_actions']:,} writes planned"),
    ]  # fmt: skip


def quiet(warehouse: str, scale: float) -> list[Figure]:
    """Measure a run without changes at two sizes, and one with few changes: requests, writes, seconds."""
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
    found.append(figure("few changes", f"{large:,} customers, 10 renamed: GETs to Stripe, writes, seconds of a full run", f"{b['few_gets']}, {b['few_writes']}, {b['few'] / b['full']:.2f}",
                        wanted="in proportion to the 10", kept=b["few_writes"] == 10 and b["few_gets"] <= 12))  # fmt: skip
    return found


def planning(warehouse: str, scale: float) -> list[Figure]:
    """Measure the hash of a large plan and its rendering."""
    from stripe_sync.core.lanes import Lane
    from stripe_sync.domain.plan import explain
    from stripe_sync.domain.plan.actions import Action, ActionKind, Plan

    count = int(PLAN * scale)
    plan = Plan(environment="bench", actions=[
        Action(kind=ActionKind.CUSTOMER_CREATE, lane=Lane.CUSTOMERS, target=f"customer:bench:c-{n}", after={"name": f"Customer {n}", "email": None},
               entity=("customer", f"c-{n}"), serial=f"customer:bench:c-{n}", sentence=f"Create customer bench:c-{n}") for n in range(count)
    ])  # fmt: skip
    hashed, _, _ = timed(lambda: plan.hash)
    explained, _, _ = timed(lambda: sum(len(line) for line in explain.explain(plan, [], [], {})))
    encoded, _, _ = timed(lambda: json.dumps([a.target for a in plan.actions]))
    return [figure("plan", f"{count:,} actions: seconds of its hash and of its sentences", f"{hashed:.2f}, {explained:.2f}", wanted="reported",
                   kept=None, beside=f"JSON of the targets {encoded:.2f}")]  # fmt: skip
