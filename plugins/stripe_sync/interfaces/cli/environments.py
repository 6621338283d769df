"""The commands ``connect``, ``init`` and ``disconnect``."""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape

from stripe_sync.core.config import settings
from stripe_sync.core.lanes import Mode
from stripe_sync.interfaces.cli.commands import new_run, session_of, stored_plan
from stripe_sync.interfaces.cli.output import COLOURS, out, show
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime import preflight
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.runtime.preflight import Check, CheckState
from stripe_sync.jobs.runtime.runner import run_until
from stripe_sync.jobs.setup import connect as connect_checks
from stripe_sync.jobs.setup.disconnect import disconnect as disconnect_environment
from stripe_sync.jobs.setup.disconnect import look

POOL_SLOTS = 4
NEXT = "Next: stripe-sync plan {env}; then modes in environments.toml, lane by lane: observe, propose, enforce."


def show_checks(found: Iterable[Check]) -> None:
    """Print a line for each check."""
    console = Console(highlight=False)
    for c in found:
        console.print(f"[{COLOURS[c.state]}]{c.state:8}[/] {escape(c.name)}: {escape(c.text)}", soft_wrap=True)


def connect(env: str, *, first_plan: bool, as_json: bool) -> int:
    """Print the result of each check, and the first plan if ``first_plan``; return 1 if a check failed, else 0."""
    with session_of(env, quiet=True) as session:
        found = list(connect_checks.lines(session))
        failed = any(c.state == CheckState.FAILURE for c in found)
        if as_json:
            out([{"check": c.name, "state": c.state, "text": c.text} for c in found])
            return 1 if failed else 0
        show_checks(found)
        if first_plan and not failed:
            run = new_run(session, {"mode": Mode.OBSERVE.value})
            run_until(session, run, RECONCILE, "plan")
            print("\nThe first plan (nothing was written):")
            show(session, stored_plan(session, run.id), as_json=False)
            print(NEXT.format(env=env))
    return 1 if failed else 0


def init(*, as_json: bool) -> int:
    """Create pools and check the connections of every environment; return 1 if a check failed, else 0."""
    found: list[Check] = []
    for name, environment in settings.load().items():
        with session_of(name, quiet=True) as session:
            own = [check for check, _ in preflight.checks(session, without=("reads", "schedule"))]
            if not any(check.state == CheckState.FAILURE for check in own):
                own.append(connect_checks.grace_or_why(session))
        found += [Check(f"{name}: {check.name}", check.state, check.text) for check in own]
        if environment.stripe.write_pool:
            found.append(pool(name, environment.stripe.write_pool))
    if as_json:
        out([{"check": c.name, "state": c.state, "text": c.text} for c in found])
    else:
        show_checks(found)
    return 1 if any(c.state == CheckState.FAILURE for c in found) else 0


def pool(environment: str, name: str) -> Check:
    """Create the account's pool in Airflow, if this shell has an Airflow configuration."""
    label = f"{environment}: pool {name}"
    command = ["pools", "set", name, str(POOL_SLOTS), f"Tasks that write to the Stripe account of {environment}"]
    if not any(variable in os.environ for variable in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")):
        return Check(
            label,
            CheckState.WARNING,
            f"Airflow is not configured in this shell. Run where it is: airflow {' '.join(command[:4])} ...",
        )
    done = subprocess.run([sys.executable, "-m", "airflow", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        return Check(
            label,
            CheckState.FAILURE,
            f"airflow pools set failed ({done.returncode}). Check that Airflow's database is migrated.",
        )
    return Check(label, CheckState.OK, f"{POOL_SLOTS} slots")


def disconnect(env: str, confirm: str, reason: str, person: str | None, *, strip: bool, as_json: bool) -> int:
    """Print the effects of disconnecting, or disconnect if ``confirm`` is the environment; return 2 if it is not confirmed."""
    with session_of(env, quiet=True) as session:
        if confirm:
            operator = Operator(person or getpass.getuser(), reason)
            messages = disconnect_environment(session, new_run(session, {}), operator, confirm=confirm, strip=strip)
        else:
            messages = look(session, strip=strip)
            messages.append(f"Nothing was changed. To disconnect: --confirm {env} --reason '...'.")
    out({"environment": env, "said": messages}) if as_json else print("\n".join(messages))
    return 0 if confirm else 2
