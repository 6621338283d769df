"""Play one scene on a tree: ``python -m tools.trace.play TREE SCENE``; prints calls as JSON. The scenes are price and usage.

The tree is driven by its command line alone, in this process; its sandbox runs as a program.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

from tools.trace.calls import Calls

MODULES = ("stripe_sync.interfaces.cli.main", "stripe_sync.interfaces.cli.main")
MINUTE, HOUR = 60, 3600


class TraceError(Exception):
    """A scene that did not play."""


def main() -> int:
    tree, scene = Path(sys.argv[1]).resolve(), sys.argv[2]
    sys.path[:0] = [str(tree / "plugins"), str(tree)]
    with tempfile.TemporaryDirectory() as folder:
        calls = {"price": price, "usage": usage}[scene](tree, Path(folder))
    print(json.dumps({"edges": list(calls.edges), "roots": list(calls.roots), "total": calls.total}))
    return 0


def price(tree: Path, folder: Path) -> Calls:
    """A plan with one price is written to Stripe, and read back."""
    world = _catalog([("flat", 20)])
    calls = Calls(f"{tree}/plugins/stripe_sync/")
    with served(tree, folder, world) as stripe:
        with calls.recording():
            command("apply", "demo", "--yes", "--json")
        if len(state(stripe)["prices"]) != 1:
            raise TraceError("The scene price did not end with one price in Stripe.")
    return calls


def usage(tree: Path, folder: Path) -> Calls:
    """A quantity is read after a month's end, put on the draft, verified, and billed when Stripe has finalized it."""
    world = _catalog([("flat", 20), ("usage", 0.0027)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    renewal = world.subscription("s-1", "c-1", "pro")["currentBillingPeriodEnd"]
    end = int(datetime.fromisoformat(renewal).timestamp())
    world.use("c-1", "calls", 1234, end - 2 * MINUTE)
    calls = Calls(f"{tree}/plugins/stripe_sync/")
    with served(tree, folder, world) as stripe:
        command("apply", "demo", "--yes", "--json")
        move(stripe, end - 3 * MINUTE)
        command("apply", "demo", "--yes", "--json")
        move(stripe, end + MINUTE)
        with calls.recording():
            command("usage", "demo", "--json")
        move(stripe, end + HOUR + 2 * MINUTE)
        with calls.recording():
            command("usage", "demo", "--json")
        amounts = [
            line["amount"] for i in state(stripe)["invoices"] if i["status"] != "draft" for line in i["lines"]["data"]
        ]
        if 333 not in amounts:  # 1,234 calls at 0.27 cents are 333.18 cents
            raise TraceError(f"The scene usage did not bill its calls: {amounts}.")
    return calls


def command(*arguments: str) -> int:
    """Call a command in this process; its output is kept away. Raises TraceError if it fails with an error."""
    entry = _entry()
    out, problems = io.StringIO(), io.StringIO()
    before, sys.argv = sys.argv, ["stripe-sync", *arguments]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(problems):
            entry.run()
    except SystemExit as end:
        if end.code in (0, 2):
            return int(end.code)
        raise TraceError(f"stripe-sync {' '.join(arguments)}: {problems.getvalue() or out.getvalue()}") from end
    finally:
        sys.argv = before
    return 0


@contextmanager
def served(tree: Path, folder: Path, world: Any) -> Iterator[str]:
    """Serve a world, set the process's environment to it, and give Stripe's address."""
    file = folder / "world.json"
    file.write_text(json.dumps(world.document()), encoding="utf-8")
    program = [sys.executable, "-m", "sandbox", "--stripe-port", "0", "--stigg-port", "0", "--world", str(file)]
    served_by = subprocess.Popen(program, cwd=tree, stdout=subprocess.PIPE, text=True)
    try:
        assert served_by.stdout is not None
        addresses = re.findall(r"http://[\d.]+:\d+", served_by.stdout.readline())
        if len(addresses) != 2:
            raise TraceError("The sandbox did not begin.")
        os.environ.update(_environ(tree, folder, *addresses))
        yield addresses[0]
    finally:
        served_by.terminate()
        served_by.wait()


def move(stripe: str, now: int) -> None:
    """Move the sandbox's clock to a time (Unix seconds)."""
    body = json.dumps({"now": now}).encode()
    request = urllib.request.Request(f"{stripe}/_world/clock", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request).read()


def state(stripe: str) -> Any:
    """Return Stripe's side of the sandbox."""
    with urllib.request.urlopen(f"{stripe}/_world/state") as answer:
        return json.load(answer)["stripe"]


def _entry() -> ModuleType:
    for name in MODULES:
        with contextlib.suppress(ModuleNotFoundError):
            return importlib.import_module(name)
    raise TraceError(f"The tree has none of {', '.join(MODULES)}.")


def _catalog(prices: list[tuple[str, float]]) -> Any:
    """Return a world's builder, of the tree, with a plan of these prices."""
    builder = importlib.import_module("sandbox.builder")
    world = builder.WorldBuilder()
    world.product("acme", "Acme")
    if len(prices) > 1:
        world.feature("calls", "API calls", meterType="Incremental")
    rows = [builder.flat(amount) if kind == "flat" else builder.usage("calls", amount) for kind, amount in prices]
    world.plan("pro", "Pro", rows)
    return world


def _environ(tree: Path, folder: Path, stripe: str, stigg: str) -> dict[str, str]:
    connections = {
        "STRIPE_DEMO": {"conn_type": "stripe", "password": "sk_test_sandbox", "host": stripe},
        "STIGG_DEMO": {"conn_type": "stigg", "password": "server-sandbox", "host": stigg},
        "STRIPE_SYNC_DEMO": {"conn_type": "generic", "password": "only-for-the-trace"},
    }
    return {f"AIRFLOW_CONN_{name}": json.dumps(value) for name, value in connections.items()} | {
        "STRIPE_SYNC_CONFIG": str(tree / "demo" / "environments.toml"),
        "STRIPE_SYNC_CLOCK": f"{stripe}/_world/clock",
        "STRIPE_SYNC_STATE": str(folder / "state"),
        "STRIPE_SYNC_REPORTS": str(folder / "reports"),
    }


if __name__ == "__main__":
    sys.exit(main())
