"""A shell that is set up for a harness: what people and schedulers run the real command in."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.builder import ACCOUNT
from stripe_sync.core.open_questions import BY_NAME
from stripe_sync.jobs.finance.job import REPORT
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.usage.job import USAGE
from tests.support import endpoints
from tests.support.harness import Harness

TOML = f"""
[environments.test]
stripe_account = "{ACCOUNT}"
stripe.endpoint_rate = 10000
stripe.account_rate = 10000
stripe.rate_limit_share = 1.0
stripe.feed = false
stigg.feed = false
stigg.native_integration = "removed"
accept_unknown = {json.dumps(sorted(BY_NAME))}
"""
ENFORCE = 'modes = { catalog = "enforce", customers = "enforce", subscriptions = "enforce", usage = "enforce" }\n'
LIMITS = '[environments.test.limits]\nactions = 100\ndue_now = { usd = "9999" }\nper_month = { usd = "9999" }\n'


def environ(harness: Harness, toml: str = TOML, **more: str) -> dict[str, str]:
    """Return the environment of a shell that is set up for the harness."""
    (harness.folder / "environments.toml").write_text(toml, encoding="utf-8")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(harness.folder),
        "STRIPE_SYNC_CONFIG": str(harness.folder / "environments.toml"),
        "STRIPE_SYNC_WAREHOUSE_URL": harness.warehouse_url,
        "STRIPE_SYNC_CLOCK": f"{harness.stripe_url}/_world/clock",
        "STRIPE_SYNC_REPORTS": str(harness.folder / "reports"),
        "AIRFLOW_CONN_STRIPE_DEFAULT": json.dumps(
            {"conn_type": "stripe", "password": "sk_test_sandbox", "host": harness.stripe_url}
        ),
        "AIRFLOW_CONN_STIGG_DEFAULT": json.dumps(
            {"conn_type": "stigg", "password": "server-sandbox", "host": harness.stigg_url}
        ),
        "AIRFLOW_CONN_STRIPE_SYNC_TEST": json.dumps({"conn_type": "generic", "password": "a-secret"}),
    } | more


# Commands run in processes of their own, forked from a server that has imported what most of them need.
STEP_MODULES = sorted(
    {f"stripe_sync.jobs.{s.function.partition(':')[0]}" for job in (RECONCILE, USAGE, REPORT) for s in job.steps}
)
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(["stripe_sync.interfaces.cli.main", "stripe_sync.interfaces.cli.commands", "stripe_sync.interfaces.cli.manual_actions", "stripe_sync.interfaces.cli.hosted",
                               "stripe_sync.interfaces.cli.environments", "stripe_sync.checks.run", "great_expectations", *STEP_MODULES])  # fmt: skip
WITHIN = 120  # seconds


def command(env: dict[str, str], *arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run ``stripe-sync`` as a shell would: its own process, environment, folder, exit code, output."""
    with tempfile.TemporaryDirectory(prefix="stripe_sync-shell-") as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        kept = {name: os.environ[name] for name in (endpoints.FOLDER, "TEST_ENDPOINTS") if name in os.environ}
        process = SERVER.Process(target=run, args=(kept | env, arguments, str(cwd or Path.cwd()), str(out), str(err)))
        process.start()
        process.join(WITHIN)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(f"stripe-sync {' '.join(arguments)} did not end within {WITHIN} s")
        code = process.exitcode
        process.close()
        return subprocess.CompletedProcess(list(arguments), code, out.read_text("utf-8"), err.read_text("utf-8"))


def run(env: dict[str, str], arguments: tuple[str, ...], cwd: str, out: str, err: str) -> None:
    """Run the command, in the child; what it calls of Stripe is checked as a story's own calls are."""
    from stripe_sync.interfaces.cli import main

    os.environ.clear()
    os.environ.update(env)
    os.chdir(cwd)
    with Path(out).open("w", encoding="utf-8") as sys.stdout, Path(err).open("w", encoding="utf-8") as sys.stderr:
        os.dup2(sys.stdout.fileno(), 1)
        os.dup2(sys.stderr.fileno(), 2)
        sys.argv = ["stripe-sync", *arguments]
        code: object = 0
        with endpoints.watched():
            try:
                main.run()
            except SystemExit as done:
                code = done.code
        sys.exit(code)  # type: ignore[arg-type]
