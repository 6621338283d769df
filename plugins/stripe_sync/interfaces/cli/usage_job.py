"""The command ``usage`` and the manual commands of the usage job."""

from __future__ import annotations

from dataclasses import asdict
from decimal import Decimal

import msgspec

from stripe_sync.core.errors import FatalError
from stripe_sync.core.money import shown_all
from stripe_sync.interfaces.cli.commands import new_run, session_of
from stripe_sync.interfaces.cli.manual_actions import run_manual_action
from stripe_sync.interfaces.cli.output import out, table
from stripe_sync.jobs.finance.month_audit import audit
from stripe_sync.jobs.runtime.results.usage import REPORTED_PERIOD, DueCounts, FoundDue, Settled, WrittenLines
from stripe_sync.jobs.runtime.runner import run_job
from stripe_sync.jobs.runtime.step import find_result
from stripe_sync.jobs.usage import manual_actions
from stripe_sync.jobs.usage.job import USAGE
from stripe_sync.jobs.usage.open_windows import open_windows
from stripe_sync.warehouse import runs


def usage(env: str, *, as_json: bool) -> int:
    """Run the usage job and print every window that is not billed yet; return 1 on failure, 2 if something waits, else 0."""
    with session_of(env, quiet=as_json) as session:
        run, problem = new_run(session, {}), ""
        try:
            run_job(session, run, USAGE)
        except FatalError as stopped:
            problem = str(stopped)
        results = runs.results_of(session.engine, env, run.id, USAGE.leading_to(USAGE.last.name))
        due, settled = find_result(session, run, FoundDue), find_result(session, run, Settled)
        written = find_result(session, run, WrittenLines)
        found = [msgspec.to_builtins(window) for window in open_windows(session)]
    if as_json:
        out({"environment": env, "run": run.id, **results, "rows": found, "problem": problem})
    else:
        table(found)
        print(summary(due, settled))
        if problem:
            print(problem)
    return 1 if problem else 2 if written and written.waits else 0


def audit_invoices(env: str, month: str, *, as_json: bool) -> int:
    """Print the audit of a month; return 1 where an invoice differs from the ledger or usage is on no invoice, else 0."""
    with session_of(env, quiet=as_json) as session:
        found = [asdict(row) for row in audit(session, month)]
    if as_json:
        out(found)
    elif found:
        table(found)
    else:
        print(f"No invoices of {month}: none renews a linked subscription or bills its usage.")
    return 1 if any(row["difference"] or row["missing"] for row in found) else 0


def summary(due: FoundDue | None, settled: Settled | None) -> str:
    """Return the counts of a run in one line."""
    found = due.summary if due else DueCounts()
    windows, lost = (settled.summary.counts, settled.summary.rounded) if settled else ({}, {})
    counts = ", ".join(f"{n} {state}" for state, n in sorted(windows.items()))
    rounded = {currency: Decimal(minor) for currency, minor in lost.items()}
    difference = f"; {shown_all(rounded)} less billed, from Stripe's rounding" if any(rounded.values()) else ""
    done = f"{found.due} subscriptions due, {found.windows or 0} windows closed"
    return f"{done}; windows of the last {REPORTED_PERIOD.days} days: {counts or 'none'}{difference}"


def hold(env: str, invoice: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.hold(s, invoice, h), reason, person, as_json=as_json)


def release(env: str, invoice: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.release(s, invoice, h), reason, person, as_json=as_json)


def waive(env: str, row: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.waive(s, row, h), reason, person, as_json=as_json)
