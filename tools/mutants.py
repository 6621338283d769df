"""``make mutants``: change lines of the domain, of money and of periods one at a time, and list the changes that no test notices.

Mutants are drawn at random (``TEST_SEED``, ``TEST_MUTANTS``), made in a clone of the last commit, and shown first to the unit
tests, then to the stories that decide most. cosmic-ray makes them; uv fetches it, since it is no part of the locks.
"""

from __future__ import annotations

import os
import random
import shlex
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOL = ["uv", "tool", "run", "--from", "cosmic-ray==8.7.0", "cosmic-ray"]
MUTATED = ("core/money.py", "core/periods.py", "domain")
STORIES = (
    "pricing_models",
    "endings",
    "discounts",
    "changes",
    "adoption",
    "adopted_meters",
    "guards",
    "tax",
    "generated",
)
# ``|`` is only in annotations, which are not run; ``is`` in the place of ``==`` is not a mistake that people make.
NOT_MADE = ("ReplaceBinaryOperator_BitOr_%", "%_Is", "%_IsNot")
CONFIG = """
[cosmic-ray]
module-path = {modules}
timeout = 900.0
excluded-modules = []
test-command = {command!r}
[cosmic-ray.distributor]
name = "local"
"""


def main() -> int:
    seed, count = int(os.environ.get("TEST_SEED", "1")), int(os.environ.get("TEST_MUTANTS", "100"))
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        (clone / "mutants.toml").write_text(config(), encoding="utf-8")
        environ = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(clone / "plugins"),
            "STRIPE_SYNC_HOME": str(clone),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        ray(clone, environ, "init")
        session = sqlite3.connect(clone / "mutants.sqlite")
        drawn = draw(session, seed, count)
        print(f"seed {seed}: {drawn} mutants", flush=True)
        ray(clone, environ, "exec")
        return report(session)


def config() -> str:
    """Unit tests first, which are quick; the stories see what passed them."""
    python = f"{shlex.quote(sys.executable)} -m pytest -q -x -p no:cacheprovider"
    stories = " ".join(f"tests/scenarios/test_{name}.py" for name in STORIES)
    command = f"sh -c '{python} tests/unit && {python} -n 2 {stories}'"
    modules = [f"plugins/stripe_sync/{name}" for name in MUTATED]
    return CONFIG.format(modules=modules, command=command)


def ray(clone: Path, environ: dict[str, str], step: str) -> None:
    subprocess.run([*TOOL, step, "mutants.toml", "mutants.sqlite"], cwd=clone, env=environ, check=True)


def draw(session: sqlite3.Connection, seed: int, count: int) -> int:
    """Keep ``count`` mutants at most, drawn by the seed, and return their number."""
    for pattern in NOT_MADE:
        session.execute("delete from mutation_specs where operator_name like ?", [f"core/{pattern}"])
    ids = sorted(id for (id,) in session.execute("select job_id from mutation_specs"))
    kept = random.Random(seed).sample(ids, min(count, len(ids)))
    session.executemany("update mutation_specs set definition_name = '@' where job_id = ?", [(id,) for id in kept])
    session.execute("delete from mutation_specs where definition_name is null or definition_name <> '@'")
    session.execute("delete from work_items where job_id not in (select job_id from mutation_specs)")
    session.commit()
    return len(kept)


def report(session: sqlite3.Connection) -> int:
    """Print each surviving mutant with its changed lines, and the totals."""
    rows = session.execute(
        "select module_path, start_pos_row, diff, test_outcome from mutation_specs join work_results using (job_id) order by 1, 2"
    ).fetchall()
    alive = [row for row in rows if row[3] == "SURVIVED"]
    for path, line, diff, _ in alive:
        changed = [text for text in diff.splitlines() if text[:1] in "+-" and text[:3] not in ("+++", "---")]
        print(f"{path}:{line}", *changed, sep="\n  ")
    print(f"{len(rows)} mutants, {len(rows) - len(alive)} killed, {len(alive)} survived")
    return 0


if __name__ == "__main__":
    sys.exit(main())
