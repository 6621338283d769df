"""``make bench``: reads, staging, comparisons, a run without changes, memory and parse time, each with its baseline.

SCALE is the share of the full size (1: 100,000 customers and subscriptions, a million documents); 0.1 by default, some minutes on 2 cores.
Leaves bench/results/latest.json, and prints a table. No absolute time is a target: ratios and counts are.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import stages_decide, stages_read, stages_rest
from bench.figures import ROOT, Figure

RESULTS = ROOT / "bench" / "results"


def main() -> int:
    scale = float(os.environ.get("SCALE") or 0.1)
    from stripe_sync.warehouse.embedded import server

    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    result: dict[str, Any] = {
        "commit": commit.stdout.strip(), "scale": scale, "cores": os.cpu_count(), "python": platform.python_version(),
        "seconds": 0.0, "figures": [],
    }  # fmt: skip
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="stripe_sync-bench-") as place, server.owned(Path(place)) as url:
        for name, stage in STAGES.items():
            print(f"{name} ...", flush=True)
            result["figures"] += stage(url, scale)
            result["seconds"] = round(time.monotonic() - started, 1)
            keep(result)  # what was measured stays, if a later stage is interrupted
        embedded_state = Path(place)
    server.forget(embedded_state)
    show(result["figures"])
    return 0


def keep(result: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "latest.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def show(figures: list[Figure]) -> None:
    table = Table(box=None, pad_edge=False)
    for column in ("stage", "what", "reached", "wanted", "beside"):
        table.add_column(column, overflow="fold")
    for f in figures:
        kept = {True: "green", False: "red"}.get(f.get("kept"), "")  # type: ignore[arg-type]
        table.add_row(f["stage"], f["what"], str(f["reached"]), f.get("wanted", ""), f.get("beside", ""), style=kept)
    Console(highlight=False, width=160).print(table)


STAGES: dict[str, Callable[[str, float], list[Figure]]] = {
    "limited read": stages_read.limited_read,
    "free read": stages_read.free_read,
    "several collections": stages_read.several,
    "Stigg's scan": stages_read.scan,
    "compare": stages_decide.compare,
    "deciding": stages_decide.deciding,
    "writes": stages_rest.writing,
    "usage close": stages_rest.usage_close,
    "plan": stages_decide.planning,
    "memory": stages_read.memory,
    "pages and report": stages_rest.reading,
    "DAG files": stages_rest.parsing,
    "quiet run": stages_decide.quiet,
}


if __name__ == "__main__":
    sys.exit(main())
