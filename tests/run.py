"""Runs the tests group by group and prints how long each took: ``python -m tests.run [GROUP...]``.

A group is a process of its own, so the unit tests can prove that they load neither Airflow nor Great Expectations.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from sandbox.world.state import UNKNOWNS

ROOT = Path(__file__).parent.parent
# What is not known for certain of the real APIs, answered the other way (docs/unknowns.md): every switch for the stories of
# the group "otherwise", and those under which each story ends alike for the long proofs.
EVERY = ",".join(UNKNOWNS)
OTHERWISE = "coupon_id_reuse,zero_renewal_waits,integrations_readable,large_pages,reset_point_is_after"
TOUCHED = [f"tests/scenarios/test_{name}.py" for name in ("generated", "discounts")]
GROUPS = {
    "unit": ["tests/unit", "-n", "2"],
    "contract": ["tests/contract", "-n", "2"],
    "recorded": ["tests/recorded", "-n", "1"],
    "scenarios": ["tests/scenarios", "-n", "3"],
    "otherwise": [*TOUCHED, "-n", "2"],
    "feed": ["tests/scenarios/test_generated.py", "tests/scenarios/test_storms.py", "-n", "2"],
    "stack": ["tests/stack/test_stack.py", "-n", "0"],
    "airflow": ["tests/dags", "tests/browser", "-n", "1", "--dist", "loadgroup"],
}
MORE = {
    "otherwise": {"TEST_UNKNOWNS": EVERY, "TEST_WORLDS": "1"},
    "feed": {"TEST_FEED": "1", "TEST_WORLDS": "1", "TEST_STORMS": "1"},
}


# These wait more than they reckon: they run at the same time.
BESIDE = ("contract", "recorded", "otherwise", "feed", "stack", "airflow")


def run_together(names: list[str]) -> list[tuple[int, str]]:
    """(exit code, what it printed) of each group; one alone prints as it goes."""
    programs = [[sys.executable, "-m", "pytest", *GROUPS[name]] for name in names]
    environs = [os.environ | MORE.get(name, {}) for name in names]
    if len(names) == 1:
        print(f"== {names[0]} begins", flush=True)
        return [(subprocess.run(programs[0], cwd=ROOT, env=environs[0], check=False).returncode, "")]
    with ExitStack() as stack:
        outputs = [stack.enter_context(tempfile.TemporaryFile("w+")) for _ in names]
        running = [
            subprocess.Popen(program, cwd=ROOT, env=environ, stdout=output, stderr=subprocess.STDOUT)
            for program, environ, output in zip(programs, environs, outputs, strict=True)
        ]
        codes = [process.wait() for process in running]
        for output in outputs:
            output.seek(0)
        return [(code, output.read()) for code, output in zip(codes, outputs, strict=True)]


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        print(f"There is no group {unknown[0]}; groups are {', '.join(GROUPS)}.", file=sys.stderr)
        return 1
    lines, failed = [], False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would compile the same modules
    seed = os.environ.setdefault("TEST_SEED", str(random.SystemRandom().randrange(1_000_000)))
    print(f"== seed {seed} (TEST_SEED={seed} runs the same worlds again)", flush=True)
    wanted = names or list(GROUPS)
    beside = [name for name in wanted if name in BESIDE]
    for together in [*([name] for name in wanted if name not in beside), beside]:
        started = time.monotonic()
        for name, (code, output) in zip(together, run_together(together), strict=True):
            print(f"== {name}\n{output}", end="", flush=True)
            failed |= code != 0
            lines.append(f"{name:10} {'failed' if code else 'passed'} in {time.monotonic() - started:.0f} s")
    print("\n".join(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
