"""One price and one usage quantity under a profiler: ``python -m tools.trace [REVISION ...] [--modules] [--write FILE]``.

Each scene runs through the command line on the sandbox, with an embedded database. Without a revision it is the working
tree; of a revision git's archive is unpacked to a temporary folder. Figures are of a reader's way: each function once,
depth first in the order of lines, back to the caller after a call; calls are counted as they were made. Exit codes: 0 done, 1 a scene did not play, 2 git does not
know a revision.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tools.counts.__main__ import WORKING_TREE, CountsError, label, replaced, unpacked
from tools.sources import ROOT
from tools.trace.calls import Node
from tools.trace.passing import passing
from tools.trace.play import TraceError
from tools.trace.walk import Figures, figures, walk

SCENES = {"price": "one price", "usage": "one usage quantity"}
PACKAGE = Path("plugins") / "stripe_sync"
NAMES = {
    "calls": "calls of functions",
    "functions": "functions entered",
    "modules": "modules entered",
    "packages": "packages entered",
    "visits": "visits of a module",
    "changes": "changes of package",
    "returns": "returns to an earlier package",
    "folder_changes": "changes of folder, those inside a package included",
}


@dataclass(frozen=True)
class Scene:
    """A played scene: the reader's way, its figures, and the modules that only pass a call on."""

    way: list[Node]
    figures: Figures
    passing: list[str]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.trace", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("revisions", nargs="*", help="a commit, a tag or a branch; the working tree if left out")
    parser.add_argument(
        "--modules", action="store_true", help="print the modules of each scene, in the order of the way"
    )
    parser.add_argument("--write", type=Path, help="a Markdown file: the table replaces the one under its heading")
    given = parser.parse_args(arguments)
    try:
        ways = {label(revision): played(revision) for revision in given.revisions or [WORKING_TREE]}
    except CountsError as error:
        print(error, file=sys.stderr)
        return 2
    except TraceError as error:
        print(error, file=sys.stderr)
        return 1
    if given.modules:
        for revision, scenes in ways.items():
            for scene, found in scenes.items():
                print(f"{revision}, {SCENES[scene]}: {' '.join(dict.fromkeys(module for module, _ in found.way))}")
                print(f"{revision}, {SCENES[scene]}, only passing a call on: {' '.join(found.passing) or 'none'}")
    shown = table(ways)
    if given.write is None:
        print(shown)
    else:
        text = given.write.read_text(encoding="utf-8")
        given.write.write_text(replaced(text, shown, heading="| scene |"), encoding="utf-8")
    return 0


def played(revision: str) -> dict[str, Scene]:
    """Play the scenes on a revision. Raises TraceError if one does not play."""
    with unpacked(revision) as tree:
        return {scene: play(tree, scene) for scene in SCENES}


def play(tree: Path, scene: str) -> Scene:
    """Play one scene in a process of its own."""
    program = [sys.executable, "-m", "tools.trace.play", str(tree), scene]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise TraceError(f"The scene {scene} did not play: {' '.join(done.stderr.strip().splitlines()[-1:])}")
    found = json.loads(done.stdout.splitlines()[-1])
    edges = [((a[0], a[1]), (b[0], b[1]), int(line)) for a, b, line in found["edges"]]
    roots = [(module, name) for module, name in found["roots"]]
    way = walk(edges, dict.fromkeys([*[root for root in roots if root[1] == "run"], *roots]))
    return Scene(way, figures(way, calls=int(found["total"])), passing(tree / PACKAGE, way))


def table(columns: dict[str, dict[str, Scene]]) -> str:
    """Return the figures in Markdown, a row a scene and figure, a column a revision."""
    lines = [f"| scene | figure | {' | '.join(columns)} |", "|---|---|" + "---|" * len(columns)]
    for scene, title in SCENES.items():
        for name, words in NAMES.items():
            values = [str(getattr(scenes[scene].figures, name)) for scenes in columns.values()]
            lines.append(f"| {title} | {words} | {' | '.join(values)} |")
        values = [str(len(scenes[scene].passing)) for scenes in columns.values()]
        lines.append(f"| {title} | modules that only pass a call on | {' | '.join(values)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
