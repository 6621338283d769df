"""``python -m tests.fixes [NAME...]``: takes each fix out of a copy of the tree and shows which assertion of its stories fails.

A fix is a file ``tests/fixes/NAME.toml``: ``findings`` (rows of a review or points of an issue), ``fix`` (one sentence),
``stories`` (pytest node ids), and ``edits``, each a ``file``, the ``old`` text that occurs once in it, and the ``new`` text
without the fix. Stories must pass with the fix and fail without it. Each result is a row, with its commit, of the table
in ``docs/proofs/fixes.md``, so the proof can be run in slices.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parent
RESULT = ROOT / "docs" / "proofs" / "fixes.md"
HEAD = """# Fixes taken out

`python -m tests.fixes [NAME...]`: each fix is taken out of a copy of the tree at the commit of its row, and its stories run.

Two findings have no fix to take out. G5 confirmed what was there; `tests/contract/test_stigg_documents.py` holds it. G6 (`billingId` beside the
native integration) is undocumented; `tests/scenarios/test_guards.py::test_the_native_integration_holds_everything_at_observe` holds its safe side.

| fix | finding or point | what it mends | stories | the assertion that failed without it | commit |
|---|---|---|---|---|---|
"""
SKIPPED = {".venv", ".git", ".state", "reports", "dist"}


@dataclass(frozen=True)
class Edit:
    """One replacement in a file of the tree."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Fix:
    """A fix that can be taken out: its name, what it mends, and the stories that notice."""

    name: str
    findings: tuple[str, ...]
    fix: str
    stories: tuple[str, ...]
    edits: tuple[Edit, ...]


def load(path: Path) -> Fix:
    """Read one fix. Raises KeyError or tomllib.TOMLDecodeError where the file has another shape."""
    row = tomllib.loads(path.read_text(encoding="utf-8"))
    edits = tuple(Edit(e["file"], e["old"], e["new"]) for e in row["edits"])
    return Fix(path.stem, tuple(row["findings"]), row["fix"], tuple(row["stories"]), edits)


def fixes(names: list[str]) -> list[Fix]:
    """Return the fixes of these names, or all."""
    return [load(path) for path in sorted(FOLDER.glob("*.toml")) if not names or path.stem in names]


def take_out(fix: Fix, tree: Path) -> None:
    """Apply the edits of a fix to a tree. Raises ValueError where an old text does not occur exactly once."""
    for edit in fix.edits:
        path = tree / edit.file
        text = path.read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise ValueError(f"{fix.name}: the old text occurs {text.count(edit.old)} times in {edit.file}, not once")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")


def left_out(folder: str, names: list[str]) -> list[str]:
    """Return what is not copied of a folder: environments and state at the top of the tree (``sql/reports`` is copied)."""
    at_top = Path(folder) == ROOT
    return [name for name in names if at_top and (name in SKIPPED or name.startswith(".venv"))]


@contextmanager
def copied() -> Iterator[Path]:
    """Copy the tree, without environments and state, into a folder that goes afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        shutil.copytree(ROOT, tree, ignore=left_out)
        yield tree


def run_stories(stories: tuple[str, ...], tree: Path) -> tuple[int, str]:
    """Run stories in a tree. Return pytest's exit code (0 passed, 1 failed) and what it printed."""
    environ = os.environ | {
        "PYTHONPATH": f"{tree / 'plugins'}:{tree}",
        "PYTHONDONTWRITEBYTECODE": "1",
        "STRIPE_SYNC_HOME": str(tree),
        "TEST_CASES": "all",
    }
    program = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *stories]
    done = subprocess.run(program, cwd=tree, env=environ, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def failed_assertion(output: str) -> str:
    """Return the first line of pytest's output that names the failed assertion."""
    found = re.search(r"^E +(.+)$", output, re.MULTILINE)
    return found.group(1)[:160] if found else "no assertion was printed"


def prove(fix: Fix) -> tuple[bool, str]:
    """Take a fix out and run its stories. Return whether they noticed, and the assertion that failed."""
    with copied() as tree:
        try:
            take_out(fix, tree)
        except (OSError, ValueError) as problem:
            return False, str(problem)
        code, output = run_stories(fix.stories, tree)
    if code == 1:
        return True, failed_assertion(output)
    return False, "the stories pass without the fix" if code == 0 else f"pytest ended with {code}: {output[-300:]}"


def row(fix: Fix, noticed: bool, seen: str, commit: str) -> str:
    """Return one line of the Markdown table."""
    cells = (fix.name, ", ".join(fix.findings), fix.fix, ", ".join(s.rpartition("/")[2] for s in fix.stories))
    told = f"`{seen}`" if noticed else f"**not noticed**: {seen}"
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in (*cells, told, commit)) + " |"


def main(names: list[str]) -> int:
    unnoticed, commit = [], head()
    chosen = fixes(names)
    with ThreadPoolExecutor(int(os.environ.get("FIXES_AT_ONCE", "2"))) as pool:
        for fix, (noticed, seen) in zip(chosen, pool.map(prove, chosen), strict=True):
            record(fix.name, row(fix, noticed, seen, commit))
            print(f"{fix.name}: {'noticed' if noticed else 'NOT NOTICED'}: {seen}", flush=True)
            unnoticed += [] if noticed else [fix.name]
    told = ", ".join(unnoticed) or "none"
    print(f"{len(chosen)} fixes taken out, {len(chosen) - len(unnoticed)} noticed, not noticed: {told}")
    return 1 if unnoticed or not chosen else 0


def head() -> str:
    """Return the commit of this tree, short."""
    program = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


def record(name: str, line: str) -> None:
    """Put the row of a fix into the table; rows of fixes that are gone go too."""
    found = RESULT.read_text(encoding="utf-8").splitlines() if RESULT.exists() else []
    rows = {text.split(" | ", 1)[0].removeprefix("| "): text for text in found if text.startswith("| ")}
    rows = {key: text for key, text in {**rows, name: line}.items() if (FOLDER / f"{key}.toml").exists()}
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(HEAD + "\n".join(rows[key] for key in sorted(rows)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
