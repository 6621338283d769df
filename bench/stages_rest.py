"""The stages that write, count use and show: creations, readings of use, pages and reports, DAG files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.figures import (
    CUSTOMERS,
    ENTITIES,
    PAIRS,
    ROOT,
    Figure,
    figure,
    stub,
)


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


def reading(warehouse: str, scale: float) -> list[Figure]:
    """Measure the pages and the finance report with many entities."""
    from bench.reading import measure
    from stripe_sync.warehouse import engine
    from stripe_sync.warehouse.embedded import server

    entities = max(1000, int(ENTITIES * scale))
    with tempfile.TemporaryDirectory(prefix="stripe_sync-bench-") as place, server.owned(Path(place)) as url:
        pages, report, scanned = measure(engine.connect(url), entities)
        state = Path(place)
    server.forget(state)
    slowest = max(pages, key=lambda name: pages[name])
    return [
        figure("pages", f"seconds of the slowest page ({slowest}), {entities:,} entities", f"{pages[slowest]:.2f}", wanted="at most 1",
               kept=pages[slowest] <= 1, beside=f"all: {sum(pages.values()):.2f} s"),
        figure("pages", "big tables that a page reads from end to end", len(scanned), wanted="0", kept=not scanned, beside="; ".join(scanned)),
        figure("report", f"seconds of the finance report, {entities:,} entities", f"{report:.1f}", wanted="at most 30", kept=report <= 30),
    ]  # fmt: skip


def parsing(warehouse: str, scale: float) -> list[Figure]:
    """Measure the import time of the slowest DAG file, without Airflow itself."""
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
            "seconds of the slowest, without Airflow; heavy modules",
            f"{worst}, {heavy}",
            wanted="0.3, none",
            kept=float(worst) < 0.3 and heavy == "[]",
        )
    ]
