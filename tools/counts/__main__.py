"""Figures about the layout of commits: ``python -m tools.counts [REVISION ...] [--write FILE]``.

Without a revision the working tree is measured. Of a revision git's archive is unpacked to a temporary folder.
Prints a table in Markdown; a column a revision. Exit codes: 0 done, 2 settings or a revision cannot be read.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tools.counts.measures import Row, Settings, measure
from tools.seams.__main__ import SETTINGS as SEAMS
from tools.seams.search import SeamsError
from tools.seams.search import load as load_seams
from tools.sources import ROOT

SETTINGS = ROOT / "tools" / "counts.toml"
WORKING_TREE = "working tree"


class CountsError(Exception):
    """Settings or a revision that cannot be read."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.counts", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("revisions", nargs="*", help="a commit, a tag or a branch; the working tree if left out")
    parser.add_argument("--write", type=Path, help="a Markdown file: the table replaces the one under its heading")
    given = parser.parse_args(arguments)
    try:
        columns = {label(revision): figures(revision) for revision in given.revisions or [WORKING_TREE]}
    except (CountsError, SeamsError) as error:
        print(error, file=sys.stderr)
        return 2
    shown = table(columns)
    if given.write is None:
        print(shown)
    else:
        given.write.write_text(replaced(given.write.read_text(encoding="utf-8"), shown), encoding="utf-8")
    return 0


def figures(revision: str) -> list[Row]:
    """Measure a revision, or the working tree. Raises CountsError if git does not know it."""
    try:
        given = tomllib.loads(SETTINGS.read_text(encoding="utf-8"))
        settings = Settings(
            given["package"], given["most_lines"], frozenset(given["kinds"]), frozenset(given["sql_calls"])
        )
        by_hand = given["action_kind_files"]
    except (OSError, KeyError, TypeError, tomllib.TOMLDecodeError) as error:
        raise CountsError(f"{SETTINGS.name} cannot be read: {error}.") from error
    with unpacked(revision) as root:
        rows = measure(root, settings, load_seams(SEAMS))
    return [
        *rows,
        Row("files that a new action kind touches, its test included (read by hand)", manual(by_hand, label(revision))),
    ]


def manual(by_hand: Mapping[str, list[str]], name: str) -> str:
    """Return the number of files that are listed for this commit, else of those for HEAD."""
    return str(len(by_hand.get(name, by_hand.get("HEAD", []))))


@contextmanager
def unpacked(revision: str) -> Iterator[Path]:
    """Give a folder with the files of a revision; the tree itself for the working tree."""
    if revision == WORKING_TREE:
        yield ROOT
        return
    archive = subprocess.run(["git", "archive", revision], cwd=ROOT, capture_output=True, check=False)
    if archive.returncode:
        raise CountsError(f"git has no revision {revision}.")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
        yield Path(folder)


def label(revision: str) -> str:
    """Return the short hash of a revision."""
    if revision == WORKING_TREE:
        return revision
    named = subprocess.run(
        ["git", "rev-parse", "--short=7", f"{revision}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if named.returncode:
        raise CountsError(f"git has no revision {revision}.")
    return named.stdout.strip()


def table(columns: Mapping[str, list[Row]]) -> str:
    """Return the figures in Markdown, a column a revision."""
    lines = [f"| figure | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
    lines += [
        f"| {rows[0].name} | {' | '.join(row.value for row in rows)} |" for rows in zip(*columns.values(), strict=True)
    ]
    return "\n".join(lines)


def replaced(text: str, shown: str, *, heading: str = "| figure |") -> str:
    """Return a document with the table that begins with this heading replaced; appended where there is none."""
    lines = text.splitlines()
    first = next((n for n, line in enumerate(lines) if line.startswith(heading)), len(lines))
    last = next((n for n in range(first, len(lines)) if not lines[n].startswith("|")), len(lines))
    return "\n".join([*lines[:first], shown, *lines[last:]]) + "\n"


if __name__ == "__main__":
    sys.exit(main())
