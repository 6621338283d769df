"""Run the tests group by group and print their durations: ``python -m tools.run_tests [GROUP...]``.

A group is a process of its own, so the unit tests can prove that they load neither Airflow nor Great Expectations.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from sandbox.world.state import UNKNOWNS

ROOT = Path(__file__).parent.parent
# Open questions (docs/unknowns.md) that are given the other answer: all of them in the group "otherwise", and in the long proofs
# those that change the end of no story.
EVERY = ",".join(UNKNOWNS)
OTHERWISE = "coupon_id_reuse,zero_renewal_waits,integrations_readable,large_pages,reset_point_is_after"
WORLDS = "tests/scenarios/test_generated.py"
GROUPS = {
    "unit": ["tests/unit", "-n", "2"],
    "contract": ["tests/contract", "-n", "2"],
    "recorded": ["tests/recorded", "-n", "0"],
    "scenarios": ["tests/scenarios", "-n", "3", "--dist", "worksteal"],
    "otherwise": [WORLDS, "-n", "0"],
    "feed": [WORLDS, "-n", "0"],
    "stack": ["tests/stack/test_stack.py", "-n", "0"],
    "airflow": ["tests/dags", "tests/browser", "-n", "1", "--dist", "loadgroup"],
}
MORE = {
    "otherwise": {"TEST_UNKNOWNS": EVERY, "TEST_WORLDS": "1"},
    "feed": {"TEST_FEED": "1", "TEST_WORLDS": "1"},
}

# Airflow runs in processes of its own beside those of these tests.
WEIGHTS = {"stack": 3, "airflow": 2}

# The unit tests run first and alone. The others start in this order as soon as enough of the processes before them have
# ended: the groups of one process run beside the stories, which are many and short and so end on all cores.
ORDER = ("scenarios", "stack", "airflow", "recorded", "contract", "feed", "otherwise")
PROCESSES = 3 * (os.cpu_count() or 1)


@dataclass
class Group:
    """A group that runs; ``output`` is None where it prints as it goes."""

    name: str
    output: IO[str] | None
    started: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pytest", *GROUPS[self.name]],
            cwd=ROOT,
            env=os.environ | MORE.get(self.name, {}),
            stdout=self.output,
            stderr=subprocess.STDOUT if self.output else None,
        )

    def ended(self) -> bool:
        """Return whether it has ended; its seconds are kept then."""
        if self.process.poll() is None:
            return False
        self.seconds = time.monotonic() - self.started
        return True

    def kept_output(self) -> str:
        """Return the output that was kept."""
        if self.output is None:
            return ""
        self.output.seek(0)
        return self.output.read()


def weight(name: str) -> int:
    """Return the number of processes that a group counts as."""
    options = GROUPS[name]
    return WEIGHTS.get(name) or max(1, int(options[options.index("-n") + 1]))


def run_together(names: list[str]) -> Iterator[Group]:
    """Run groups side by side, at most PROCESSES of their processes at a time; yield each when it has ended."""
    waiting, running = list(names), list[Group]()
    with ExitStack() as stack:
        outputs = {name: stack.enter_context(tempfile.TemporaryFile("w+")) for name in names} if len(names) > 1 else {}
        while waiting or running:
            while waiting and fits(waiting[0], running):
                name = waiting.pop(0)
                running.append(Group(name, outputs.get(name)))
            time.sleep(0.2)
            for group in [group for group in running if group.ended()]:
                running.remove(group)
                yield group


def fits(name: str, running: list[Group]) -> bool:
    """Return whether a group may start beside those that run."""
    return not running or weight(name) + sum(weight(group.name) for group in running) <= PROCESSES


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in GROUPS]
    if unknown:
        print(f"There is no group {unknown[0]}; groups are {', '.join(GROUPS)}.", file=sys.stderr)
        return 1
    lines, failed = [], False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # hundreds of processes would compile the same modules
    seed = os.environ.setdefault("TEST_SEED", str(random.SystemRandom().randrange(1_000_000)))
    print(f"== seed {seed} (TEST_SEED={seed} runs the same worlds again)", flush=True)
    chosen = names or list(GROUPS)
    alone = [name for name in chosen if name not in ORDER]
    for together in [*([name] for name in alone), [name for name in ORDER if name in chosen]]:
        if len(together) == 1:
            print(f"== {together[0]} begins", flush=True)
        for group in run_together(together):
            code = group.process.returncode
            print(f"== {group.name}\n{group.kept_output()}", end="", flush=True)
            failed |= code != 0
            lines.append(f"{group.name:10} {'failed' if code else 'passed'} in {group.seconds:.0f} s")
    print("\n".join(lines))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
