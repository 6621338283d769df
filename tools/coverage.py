"""``make coverage``: measure the branches that unit tests and stories take in the packages that decide on money."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ("domain", "apply")
LEAVES = ("core.money", "core.periods", "core.keys", "core.ownership")
# Apart, since the unit tests prove that they load nothing heavy.
PARTS = (("tests/unit", False), ("tests/scenarios", True))


def main() -> int:
    measured = [f"--cov=stripe_sync.{name}" for name in (*PACKAGES, *LEAVES)]
    for tests, more in PARTS:
        shown = ["--cov-append", "--cov-report=term-missing:skip-covered", "--cov-report=html:reports/coverage"]
        program = [sys.executable, "-m", "pytest", tests, "-n", "2", "--cov-branch", *measured]
        done = subprocess.run([*program, *(shown if more else ["--cov-report="])], cwd=ROOT, check=False)
        if done.returncode:
            return done.returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
