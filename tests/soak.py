"""The long proofs: ``make soak``. Resumable; what passed for this commit is not done again.

The result is ``soak.json``: the commit, and for each proof its seeds, its counts, its seconds and whether it passed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.run import OTHERWISE, ROOT

RESULT = ROOT / "soak.json"
STORMS = "tests/scenarios/test_storms.py"
WORLDS = "tests/scenarios/test_generated.py"
MONTHS = "tests/scenarios/test_month_ends.py"
FAMILIES = "tests/scenarios/test_families.py"


@dataclass(frozen=True)
class Proof:
    """One run of pytest, with what it is given by its environment."""

    name: str
    tests: list[str]
    environ: dict[str, str] = field(default_factory=dict)


def proofs() -> Iterator[Proof]:
    for seed in range(100, 110):
        yield Proof(f"20 generated worlds, seed {seed}", [WORLDS], {"TEST_SEED": str(seed), "TEST_WORLDS": "20"})
        storms = seed + 100
        yield Proof(f"20 storms, seed {storms}", [STORMS], {"TEST_SEED": str(storms), "TEST_STORMS": "20"})
    for seed in range(500, 505):
        yield Proof(f"20 lives of families, seed {seed}", [FAMILIES], {"TEST_SEED": str(seed), "TEST_LIVES": "20"})
    for seed in range(400, 410):
        yield Proof(f"50 month ends, seed {seed}", [MONTHS], {"TEST_SEED": str(seed), "TEST_MONTHS": "50"})
    yield Proof(
        "20 generated worlds by the feed", [WORLDS], {"TEST_FEED": "1", "TEST_SEED": "300", "TEST_WORLDS": "20"}
    )
    yield Proof("20 storms by the feed", [STORMS], {"TEST_FEED": "1", "TEST_SEED": "301", "TEST_STORMS": "20"})
    yield Proof("a real kill after each write of the day of all kinds",
                ["tests/scenarios/test_recovery.py", "-k", "killed_in_the_middle"], {"TEST_KILLS": "40"})  # fmt: skip
    yield Proof("killed at every write of both days, before and after its call",
                ["tests/scenarios/test_recovery.py", "-k", "killed_at_every_write"], {"TEST_DAYS": "2"})  # fmt: skip
    yield Proof("every story, unknowns answered otherwise", ["tests/scenarios"], {"TEST_UNKNOWNS": OTHERWISE})
    yield Proof("Airflow's real processes: rejection and failure", ["tests/stack/test_answers.py", "-n", "0"])
    yield Proof("Airflow's real processes: a worker killed in apply", ["tests/stack/test_killed.py", "-n", "0"])


def commit() -> str:
    """The commit, with a mark where the tree differs from it."""
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return shown.stdout.strip()


def load(at: str) -> dict[str, Any]:
    """The result so far, if it is of this commit."""
    kept: dict[str, Any] = json.loads(RESULT.read_text(encoding="utf-8")) if RESULT.exists() else {}
    return kept if kept.get("commit") == at else {"commit": at, "proofs": {}}


def run(proof: Proof) -> dict[str, Any]:
    started = time.monotonic()
    program = [sys.executable, "-m", "pytest", *proof.tests, "-n", "2"]
    done = subprocess.run(
        program, cwd=ROOT, env=os.environ | proof.environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout[-4000:])
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error|skipped)", done.stdout)}
    return {"passed": done.returncode == 0, "counts": counts, "given": proof.environ,
            "seconds": round(time.monotonic() - started)}  # fmt: skip


def main() -> int:
    result = load(commit())
    for proof in proofs():
        if result["proofs"].get(proof.name, {}).get("passed"):
            continue
        print(f"== {proof.name}", flush=True)
        result["proofs"][proof.name] = run(proof)
        RESULT.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    failed = [name for name, one in result["proofs"].items() if not one["passed"]]
    passed = sum(one["counts"].get("passed", 0) for one in result["proofs"].values())
    print(
        f"{len(result['proofs'])} proofs of {result['commit']}: {passed} tests passed, failed: {', '.join(failed) or 'none'}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
