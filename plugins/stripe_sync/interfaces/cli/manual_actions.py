"""Manual commands: each is confirmed in one sentence and recorded with its person and reason."""

from __future__ import annotations

import getpass
from collections.abc import Callable

from stripe_sync.interfaces.cli.commands import exit_code, new_run, run_reconcile, session_of, stored_plan
from stripe_sync.interfaces.cli.output import out, show
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.reconcile.steps.apply import is_of_usage
from stripe_sync.jobs.runtime import approvals, manual_actions
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.runtime.results.usage import WrittenLines
from stripe_sync.jobs.runtime.runner import run_job, run_until
from stripe_sync.jobs.runtime.step import find_result
from stripe_sync.jobs.setup import prune as prune_job
from stripe_sync.jobs.usage.job import USAGE
from stripe_sync.warehouse.step_results import row_of


def run_manual_action(
    env: str, do: Callable[[Session, Operator], str], reason: str, person: str | None, *, as_json: bool
) -> int:
    """Perform a manual action, print its confirmation and return 0."""
    operator = Operator(person or getpass.getuser(), reason)
    with session_of(env, quiet=True) as session:
        confirmation = do(session, operator)
    if as_json:
        out({"environment": env, "done": confirmation, "person": operator.person, "reason": operator.reason})
    else:
        print(confirmation)
    return 0


def link(env: str, kind: str, id: str, stripe_id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(
        env, lambda s, h: manual_actions.link(s, kind, id, stripe_id, h), reason, person, as_json=as_json
    )


def unlink(env: str, kind: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.unlink(s, kind, id, h), reason, person, as_json=as_json)


def ignore(env: str, kind: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.ignore(s, kind, id, h), reason, person, as_json=as_json)


def pause(env: str, lane: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.pause(s, lane, h), reason, person, as_json=as_json)


def resume(env: str, lane: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.resume(s, lane, h), reason, person, as_json=as_json)


def approve(env: str, hash: str, reason: str, person: str | None, *, as_json: bool) -> int:
    """Approve a set of actions and apply those that a new plan still contains; return the exit code."""
    run_manual_action(env, lambda s, h: approvals.approve(s, hash, h), reason, person, as_json=False)
    with session_of(env, quiet=as_json) as session:
        if is_of_usage(session, hash):
            run = new_run(session, {})
            run_job(session, run, USAGE)
            written = find_result(session, run, WrittenLines)
            row = {"results": written.summary.lines if written else {}}
        else:
            run = new_run(session, {"approval": hash})
            row = row_of(run_reconcile(session, run))
    results = {k: n for k, n in row["results"].items() if k != "waiting"}
    if as_json:
        out({"environment": env, "run": run.id, "approval": hash, **row})
    else:
        print(f"results: {results or 'none; the approved actions are not planned any more'}")
    return exit_code(results)


def prune(env: str, days: int, reason: str, person: str | None, *, as_json: bool) -> int:
    def do(session: Session, operator: Operator) -> str:
        deleted = prune_job.prune(session, days, operator)
        return f"Deleted: {', '.join(f'{count} {name}' for name, count in deleted.items())}."

    return run_manual_action(env, do, reason, person, as_json=as_json)


def reject(env: str, hash: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: approvals.reject(s, hash, h), reason, person, as_json=as_json)


def retry(env: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return run_manual_action(env, lambda s, h: manual_actions.retry(s, id, h), reason, person, as_json=as_json)


def resync(env: str, kind: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    """End an entity's exemption and reconcile it alone, within the guards; return the exit code."""
    run_manual_action(env, lambda s, h: manual_actions.end_exemption(s, kind, id, h), reason, person, as_json=False)
    with session_of(env, quiet=as_json) as session:
        run = new_run(session, {"entity": [kind, id]})
        run_until(session, run, RECONCILE, "plan")
        stored = stored_plan(session, run.id)
        if not as_json:
            show(session, stored, as_json=False)
        result = run_reconcile(session, run)
    if as_json:
        out({"environment": env, "run": run.id, "plan": stored.plan.hash, **row_of(result)})
    return exit_code(result.summary.results)
