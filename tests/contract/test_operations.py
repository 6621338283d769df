"""Commands of docs/operations.md, run literally on the sandbox; only ports and state belong to the test."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.support import warehouses

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
# Exit codes that are an answer and no failure: a first plan has actions, a set waits for a person.
ANSWERS = {"stripe-sync apply demo": {0, 2}}


def block(heading: str) -> list[str]:
    """Return the lines of the first block of commands under a heading."""
    found = re.search(rf"^## {re.escape(heading)}$.*?^```\n(.*?)^```$", PAGE, re.M | re.S)
    assert found is not None, heading
    return found.group(1).splitlines()


def free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return str(found.getsockname()[1])


def test_the_page_begins_on_the_sandbox_word_for_word(tmp_path: Path) -> None:
    lines = block("First on the sandbox")
    assert sum(line.startswith("stripe-sync ") for line in lines) >= 5
    script = "\n".join(
        f"{line}\ncode=$?; [[ ' {' '.join(map(str, sorted(ANSWERS.get(line, {0}))))} ' == *\" $code \"* ]] || "
        f"{{ echo \"failed with $code: {line.split()[0]} {line.split()[1]}\"; kill %1; exit 1; }}"
        if line.startswith("stripe-sync ") else line
        for line in lines
    )  # fmt: skip
    for port in ("12111", "12112"):
        script = script.replace(port, free_port())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    with warehouses.fresh() as (url, _):
        environ = {"PATH": path, "HOME": str(tmp_path), "STRIPE_SYNC_WAREHOUSE_URL": url,
                   "STRIPE_SYNC_REPORTS": str(tmp_path / "reports")}  # fmt: skip
        done = subprocess.run(
            ["bash", "-c", script], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240, check=False
        )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"subscription +SUCCESS +36", done.stdout) or "36 SUCCESS" in done.stdout, done.stdout[-6000:]
    assert "drift: none" in done.stdout, "the write of the last run is no difference any more"
