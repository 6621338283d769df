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
from tests.support import refusals, warehouses
from tests.support.harness import Harness, build_small_world, built

ROOT = Path(__file__).parents[1]
PROOF = ROOT / "docs" / "proofs" / "probe.md"
STATUSES = (400, 403, 500)
NO_SWITCH = "none"
HEAD = """# Probe under both answers

`python -m tools.probed` wrote this at {commit}. Each question was put to the sandbox while its switch was on and while it was off, and to a
server that answers every request with an unrelated 400, 403 or 500: there it has to stay open. Where two answers are one
word, the table has the sentence beside it.

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


def row(name: str, switch: str) -> str:
    """Return the line of the table for one question and one of its switches. Each answer is of a harness of its own."""
    both = [answered(name, switch, value) for value in (True, False)]
    are_equal = switch != NO_SWITCH and both[0][0] == both[1][0]
    answers = [f"{answer}: {detail}" if are_equal else answer for answer, detail in both]
    for status in STATUSES:
        with harness() as one:
            answers.append(stories.answer_of_broken(one, name, status)[0])
    return f"| `{name}` | {switch} | {' | '.join(answers)} |"


def answered(name: str, switch: str, value: bool) -> tuple[str, str]:
    """Ask one question under one answer of a switch; return the answer and its sentence."""
    with harness() as one:
        if switch != NO_SWITCH:
            refusals.give(one.world, switch, answer=value)
        found: tuple[str, str] = stories.answer(one, name)
    return found


def switches_of(name: str) -> list[str]:
    """Return the switches of a question, or NO_SWITCH alone."""
    of_answer = [stories.ANSWERS[name][0]] if name in stories.ANSWERS else []
    of_sentence = [switch for switch, question in stories.SENTENCES.items() if question == name]
    return [*of_answer, *of_sentence] or [NO_SWITCH]


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
        lines = [row(name, switch) for name in sorted(QUESTIONS) for switch in switches_of(name)]
    finally:
        warehouses.stop()
    left = [f"| `{name}` | {how} |" for name, how in by_hand()]
    text = HEAD.format(commit=commit.stdout.strip()) + "\n".join(lines) + "\n"
    text += LEFT.format(count=len(left), answered=len(QUESTIONS)) + "\n".join(left) + "\n"
    PROOF.parent.mkdir(exist_ok=True)
    PROOF.write_text(text, encoding="utf-8")
    wrong = [line for line in lines if not line.endswith("| open | open | open |")]
    print("\n".join(wrong) or f"{len(QUESTIONS)} questions; every unrelated error left its question open")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
