"""Connecting an environment, and disconnecting it, from a shell."""

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
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.runtime.preflight import Check, CheckState
from stripe_sync.jobs.runtime.runner import run_until
from stripe_sync.jobs.setup import connect as connecting
from stripe_sync.jobs.setup import disconnect as disconnecting

POOL_SLOTS = 4
NEXT = "Next: stripe-sync plan {env}; then modes in environments.toml, lane by lane: observe, propose, enforce."


def show_checks(found: Iterable[Check]) -> None:
    console = Console(highlight=False)
    for c in found:
        console.print(f"[{COLOURS[c.state]}]{c.state:8}[/] {escape(c.name)}: {escape(c.text)}", soft_wrap=True)


def connect(env: str, *, first_plan: bool, as_json: bool) -> int:
    """A line a check; 1 where one is a failure. With ``first_plan`` also what the first run would do."""
    with session_of(env, quiet=True) as session:
        found = list(connecting.lines(session))
        failed = any(c.state == CheckState.FAILURE for c in found)
        if as_json:
            out([{"check": c.name, "state": c.state, "text": c.text} for c in found])
            return 1 if failed else 0
        show_checks(found)
        if first_plan and not failed:
            run = new_run(session, {"mode": Mode.OBSERVE.value})
            run_until(session, run, RECONCILE, "plan")
            print("\nThe first plan, of which nothing was written:")
            show(session, stored_plan(session, run.id), as_json=False)
            print(NEXT.format(env=env))
    return 1 if failed else 0


def init(*, as_json: bool) -> int:
    """A line a thing that was made or checked, for every environment; 1 where one failed."""
    found: list[Check] = []
    for name, environment in settings.load().items():
        with session_of(name, quiet=True) as session:
            own = [check for check, _ in preflight.checks(session, without=("reads", "schedule"))]
            if not any(check.state == CheckState.FAILURE for check in own):
                own.append(connecting.grace_or_why(session))
        found += [Check(f"{name}: {check.name}", check.state, check.text) for check in own]
        if environment.stripe.write_pool:
            found.append(pool(name, environment.stripe.write_pool))
    if as_json:
        out([{"check": c.name, "state": c.state, "text": c.text} for c in found])
    else:
        show_checks(found)
    return 1 if any(c.state == CheckState.FAILURE for c in found) else 0


def pool(environment: str, name: str) -> Check:
    """Makes an account's pool in Airflow, where one is set up in this shell."""
    what = f"{environment}: pool {name}"
    command = ["pools", "set", name, str(POOL_SLOTS), f"Tasks that write to the Stripe account of {environment}"]
    if not any(variable in os.environ for variable in ("AIRFLOW_HOME", "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN")):
        return Check(
            what, CheckState.WARNING, f"no Airflow is set up here; where it is: airflow {' '.join(command[:4])} ..."
        )
    done = subprocess.run([sys.executable, "-m", "airflow", *command], capture_output=True, text=True, check=False)
    if done.returncode:
        return Check(
            what, CheckState.FAILURE, f"airflow pools set failed ({done.returncode}); is Airflow's database migrated?"
        )
    return Check(what, CheckState.OK, f"{POOL_SLOTS} slots")


def disconnect(env: str, confirm: str, reason: str, person: str | None, *, strip: bool, as_json: bool) -> int:
    """What it would do, or that it was done; 2 while it was not confirmed."""
    with session_of(env, quiet=True) as session:
        if confirm:
            hand = Hand(person or getpass.getuser(), reason)
            said = disconnecting.disconnect(session, new_run(session, {}), hand, confirm=confirm, strip=strip)
        else:
            said = disconnecting.look(session, strip=strip)
            said.append(f"Nothing was done. To do it: --confirm {env} --reason '...'.")
    out({"environment": env, "said": said}) if as_json else print("\n".join(said))
    return 0 if confirm else 2
