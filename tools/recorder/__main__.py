"""``python -m tools.recorder record FOLDER`` and ``python -m tools.recorder compare BEFORE AFTER [--map FILE]``."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tomllib
from pathlib import Path

from tools.recorder.compare import compare, load_map

ROOT = Path(__file__).parents[2]
STORIES = Path(__file__).with_name("stories.toml")
DEMO = "import tools.recorder.hooks, runpy; runpy.run_module('demo', run_name='__main__')"


def record(folder: Path, parts: list[str]) -> int:
    """Play the demo, the stories and the generated worlds of this tree; return 1 if one of them failed."""
    chosen = tomllib.loads(STORIES.read_text(encoding="utf-8"))
    pytest = [sys.executable, "-m", "pytest", "-p", "tools.recorder.hooks", "-n", "0", "-q"]
    programs = {
        "demo": [sys.executable, "-c", DEMO],
        "stories": [*pytest, *chosen["stories"]],
        "worlds": [*pytest, *chosen["worlds"]],
    }
    environ = os.environ | {
        "RECORD_TO": str(folder.resolve()),
        "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}",
        "PYTHONHASHSEED": "0",
        "TEST_SEED": str(chosen["seed"]),
        "TEST_WORLDS": str(chosen["count"]),
    }
    codes = [subprocess.run(programs[part], cwd=ROOT, env=environ, check=False).returncode for part in parts]
    print(f"{len(list(folder.glob('*.json')))} worlds are recorded in {folder}")
    return 1 if any(codes) else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.recorder", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="play this tree and write its behaviour to a folder")
    recording.add_argument("folder", type=Path)
    recording.add_argument("--only", choices=["demo", "stories", "worlds"], action="append")
    comparing = commands.add_parser("compare", help="compare two folders; the exit code is 1 if they differ")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--map", type=Path, default=None, help="TOML: the renames between the two commits")
    given = parser.parse_args()
    if given.command == "record":
        return record(given.folder, given.only or ["demo", "stories", "worlds"])
    result = compare(given.before, given.after, load_map(given.map))
    print("\n".join(result.differences))
    print(f"{result.rows} rows compared, {'no difference' if not result.differences else 'they differ'}")
    return 1 if result.differences else 0


if __name__ == "__main__":
    sys.exit(main())
