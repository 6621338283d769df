"""The long proofs: ``make soak``. It runs in slices and can be stopped at any time: proofs that passed for this commit are not repeated.

Each proof that ran adds one line of JSON to ``docs/proofs/soak.jsonl``: the commit, what the tests were given (seeds), the counts,
the minutes and whether it passed. ``SOAK_MINUTES`` ends the slice after the proof that passes this time.
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

from tools.run_tests import EVERY, OTHERWISE, ROOT, WORLDS

RESULT = ROOT / "docs" / "proofs" / "soak.jsonl"
STORMS = "tests/scenarios/test_storms.py"
DISCOUNTS = "tests/scenarios/test_discounts.py"
MONTHS = "tests/scenarios/test_month_ends.py"
FAMILIES = "tests/scenarios/test_families.py"


@dataclass(frozen=True)
class Proof:
    """One run of pytest, or of another module, with the environment that it is given."""

    name: str
    tests: list[str]
    environ: dict[str, str] = field(default_factory=dict)
    module: str = "pytest"


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
    yield Proof(
        "each right of a probe taken away",
        ["tests/scenarios/test_probe.py", "-k", "missing_right"],
        {"TEST_PARTS": "8"},
    )
    yield Proof("every story, unknowns answered otherwise", ["tests/scenarios"], {"TEST_UNKNOWNS": OTHERWISE})
    yield Proof("every case of every story", ["tests/scenarios"], {"TEST_CASES": "all"})
    yield Proof("discounts, every unknown answered otherwise", [DISCOUNTS], {"TEST_UNKNOWNS": EVERY})
    yield Proof("each fix taken out, and its stories fail", [], module="tests.fixes")
    yield Proof("Airflow's real processes: rejection and failure", ["tests/stack/test_answers.py", "-n", "0"])
    yield Proof("Airflow's real processes: a worker killed in apply", ["tests/stack/test_killed.py", "-n", "0"])


def commit() -> str:
    """Return the short commit, with the suffix ``-dirty`` where the tree differs from it outside docs/proofs."""
    at = git("rev-parse", "--short", "HEAD")
    return f"{at}-dirty" if git("status", "--porcelain", "--", ".", ":!docs/proofs") else at


def git(*words: str) -> str:
    """Return what a git command prints."""
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def passed_before(at: str) -> set[str]:
    """Return the names of the proofs that passed for a commit."""
    return {row["proof"] for row in rows() if row["commit"] == at and row["passed"]}


def rows() -> list[dict[str, Any]]:
    """Return every line of the result, oldest first."""
    return [json.loads(line) for line in RESULT.read_text(encoding="utf-8").splitlines()] if RESULT.exists() else []


def run(proof: Proof, at: str) -> dict[str, Any]:
    """Run one proof. Return its line of the result."""
    started = time.monotonic()
    options = ["-n", "2", "--tb=short", "--show-capture=no"] if proof.module == "pytest" else []
    program = [sys.executable, "-m", proof.module, *proof.tests, *options]
    done = subprocess.run(
        program, cwd=ROOT, env=os.environ | proof.environ, capture_output=True, text=True, check=False
    )
    if done.returncode:
        print(done.stdout[-4000:])
    counts = {word: int(n) for n, word in re.findall(r"(\d+) (passed|failed|error|skipped|noticed)", done.stdout)}
    minutes = round((time.monotonic() - started) / 60, 1)
    return {"commit": at, "proof": proof.name, "given": proof.environ, "counts": counts, "minutes": minutes,
            "passed": done.returncode == 0}  # fmt: skip


def main() -> int:
    at, until = commit(), time.monotonic() + 60 * float(os.environ.get("SOAK_MINUTES", "inf"))
    done, failed = passed_before(at), []
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    for proof in proofs():
        if proof.name in done or time.monotonic() > until:
            continue
        print(f"== {proof.name}", flush=True)
        row = run(proof, at)
        failed += [] if row["passed"] else [proof.name]
        with RESULT.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
    print(summary(at))
    return 1 if failed else 0


def summary(at: str) -> str:
    """Return one sentence about what ran for a commit."""
    own = [row for row in rows() if row["commit"] == at]
    passed = sum(row["counts"].get("passed", 0) for row in own)
    failed = sorted({row["proof"] for row in own if not row["passed"]} - passed_before(at))
    minutes = sum(row["minutes"] for row in own)
    return f"{len(own)} of {len(list(proofs()))} proofs of {at} ran in {minutes:.0f} minutes: {passed} tests passed, failed: {', '.join(failed) or 'none'}"


if __name__ == "__main__":
    sys.exit(main())
