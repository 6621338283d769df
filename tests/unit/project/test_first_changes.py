"""The worked changes of CONTRIBUTING.md are made in a copy of the project: their test fails without them, and passes with them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
AFFECTED = [
    "tests/unit/domain/plan",
    "tests/unit/domain/target",
    "tests/unit/apply",
]  # no other file of these has to change
CHANGES = ["First change: a new reason code", "Second change: a new action kind"]


@dataclass(frozen=True)
class Edit:
    """A block of CONTRIBUTING.md: the file, its lines of before, and those of after."""

    file: str
    before: str
    after: str


def edits(heading: str) -> list[Edit]:
    """Return the blocks of a section, which show lines that stay, lines that go (-) and new ones (+)."""
    section = TEXT.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    blocks = [textwrap.dedent(block) for block in re.findall(r"^ *```diff\n(.*?)^ *```$", section, re.S | re.M)]
    return [edit_of(block) for block in blocks]


def edit_of(block: str) -> Edit:
    head, *lines = block.splitlines()
    before = [line[1:] for line in lines if line[:1] in " -"]
    after = [line[1:] for line in lines if line[:1] in " +"]
    return Edit(head.removeprefix("--- "), "\n".join(before) + "\n", "\n".join(after) + "\n")


def make(edit: Edit, root: Path) -> None:
    path = root / edit.file
    text = path.read_text(encoding="utf-8")
    assert text.count(edit.before) == 1, (edit.file, edit.before)
    path.write_text(text.replace(edit.before, edit.after), encoding="utf-8")


def run_tests(root: Path, *tests: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": str(root)}
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:xdist", "--no-header", *tests]
    return subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The project in a folder of its own, as far as unit tests need it."""
    skipped = shutil.ignore_patterns("recorded", "scenarios", "contract", "dags", "stack")
    for name in ("plugins", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=skipped)
    for name in ("docs", "sql", "expectations"):
        shutil.copytree(ROOT / name, tmp_path / name)
    for name in ("sandbox", "tools"):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


@pytest.mark.skipif("TEST_AGAIN" in os.environ, reason="the main interpreter of this CI run makes them")
@pytest.mark.parametrize("heading", CHANGES)
def test_a_worked_change_makes_its_test_pass(heading: str, copy: Path) -> None:
    expectation, *changes = edits(heading)
    make(expectation, copy)
    failed = run_tests(copy, expectation.file)
    assert failed.returncode == 1, failed.stdout + failed.stderr
    for edit in changes:
        make(edit, copy)
    done = run_tests(copy, expectation.file, *AFFECTED)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_new_action_kind_touches_four_files_its_test_included() -> None:
    assert len({edit.file for edit in edits(CHANGES[1])}) == 4
