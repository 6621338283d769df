"""``python -m tools.probed``: ask every question of ``probe`` under both answers of its switch and against unrelated errors, and
write the table to docs/proofs/probe.md with the commit, and the rows of docs/unknowns.md that are left to a person.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stripe_sync.jobs.setup.probing.questions import QUESTIONS
from tests.scenarios import test_probe as stories
from tests.support import warehouses
from tests.support.harness import Harness, build_small_world, built

ROOT = Path(__file__).parents[1]
PROOF = ROOT / "docs" / "proofs" / "probe.md"
STATUSES = (400, 403, 500)
HEAD = """# Probe under both answers

`python -m tools.probed` wrote this at {commit}. Each question was put to the sandbox while its switch was on and while it was off, and to a
server that answers every request with an unrelated 400, 403 or 500: there it has to stay open.

| question | switch | on | off | 400 | 403 | 500 |
|---|---|---|---|---|---|---|
"""
LEFT = """
## Rows that are left

{count} rows of [unknowns](../unknowns.md); probe answers the other {answered}.

| question | why no API answers it |
|---|---|
"""


@contextmanager
def harness() -> Iterator[Harness]:
    """Build the sandbox, the warehouse and the settings of one question."""
    with tempfile.TemporaryDirectory() as folder, built(stories.world_of(build_small_world()), Path(folder)) as found:
        yield stories.prepared(found)


def row(name: str) -> str:
    """Return the line of the table for one question. Each answer is of a harness of its own."""
    switch, answers = stories.ANSWERS.get(name, ("none",))[0], []
    for value in (True, False):
        with harness() as one:
            if switch != "none":
                one.world.unknowns[switch] = value
            answers.append(stories.answer(one, name)[0])
    for status in STATUSES:
        with harness() as one:
            answers.append(stories.answer_of_broken(one, name, status)[0])
    return f"| `{name}` | {switch} | {' | '.join(answers)} |"


def by_hand() -> list[tuple[str, str]]:
    """Return the rows of docs/unknowns.md that are left, with their reasons."""
    rows = re.findall(
        r"^\| `(\w+)` \|[^|]*\|[^|]*\| *(.*?) *\|", stories.PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return [(name, how) for name, how in rows if not how.startswith("asks")]


def main() -> int:
    """Write the table; return 1 if an unrelated error was taken for an answer."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    warehouses.start()
    try:
        lines = [row(name) for name in sorted(QUESTIONS)]
    finally:
        warehouses.stop()
    left = [f"| `{name}` | {how} |" for name, how in by_hand()]
    text = HEAD.format(commit=commit.stdout.strip()) + "\n".join(lines) + "\n"
    text += LEFT.format(count=len(left), answered=len(QUESTIONS)) + "\n".join(left) + "\n"
    PROOF.parent.mkdir(exist_ok=True)
    PROOF.write_text(text, encoding="utf-8")
    wrong = [line for line in lines if not line.endswith("| open | open | open |")]
    print("\n".join(wrong) or f"{len(lines)} questions; every unrelated error left its question open")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
