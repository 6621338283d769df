"""What people do by hand: said back in one sentence, kept with who did it and why."""

from __future__ import annotations

import getpass
from collections.abc import Callable

from stripe_sync.interfaces.cli.commands import applied, exit_code, new_run, session_of, stored_plan
from stripe_sync.interfaces.cli.output import out, show
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.reconcile.steps.apply import is_of_usage
from stripe_sync.jobs.runtime import approvals, manual_actions
from stripe_sync.jobs.runtime.context import Session
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.runtime.runner import run_job, run_until
from stripe_sync.jobs.setup import prune as pruning
from stripe_sync.jobs.usage.job import USAGE
from stripe_sync.warehouse import runs


def by_hand(env: str, do: Callable[[Session, Hand], str], reason: str, person: str | None, *, as_json: bool) -> int:
    """Something that a person does: said back in one sentence."""
    hand = Hand(person or getpass.getuser(), reason)
    with session_of(env, quiet=True) as session:
        said = do(session, hand)
    if as_json:
        out({"environment": env, "done": said, "person": hand.person, "reason": hand.reason})
    else:
        print(said)
    return 0


def link(env: str, kind: str, id: str, stripe_id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return by_hand(env, lambda s, h: manual_actions.link(s, kind, id, stripe_id, h), reason, person, as_json=as_json)


def unlink(env: str, kind: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return by_hand(env, lambda s, h: manual_actions.unlink(s, kind, id, h), reason, person, as_json=as_json)


def ignore(env: str, kind: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return by_hand(env, lambda s, h: manual_actions.ignore(s, kind, id, h), reason, person, as_json=as_json)


def pause(env: str, lane: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return by_hand(env, lambda s, h: manual_actions.pause(s, lane, h), reason, person, as_json=as_json)


def resume(env: str, lane: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return by_hand(env, lambda s, h: manual_actions.resume(s, lane, h), reason, person, as_json=as_json)


def approve(env: str, hash: str, reason: str, person: str | None, *, as_json: bool) -> int:
    """Approves a set, and applies what of it a plan of this moment still has."""
    by_hand(env, lambda s, h: approvals.approve(s, hash, h), reason, person, as_json=False)
    with session_of(env, quiet=as_json) as session:
        if is_of_usage(session, hash):
            run = new_run(session, {})
            run_job(session, run, USAGE)
            found = runs.result(session.engine, env, run.id, "usage_lines") or {}
            result = {"results": found.get("lines", {})}
        else:
            run = new_run(session, {"approval": hash})
            result = applied(session, run)
    results = {k: n for k, n in result["results"].items() if k != "waiting"}
    if as_json:
        out({"environment": env, "run": run.id, "approval": hash, **result})
    else:
        print(f"results: {results or 'nothing of it is planned any more'}")
    return exit_code(results)


def prune(env: str, days: int, reason: str, person: str | None, *, as_json: bool) -> int:
    def do(session: Session, hand: Hand) -> str:
        gone = pruning.prune(session, days, hand)
        return f"Gone: {', '.join(f'{n} {what}' for what, n in gone.items())}."

    return by_hand(env, do, reason, person, as_json=as_json)


def reject(env: str, hash: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return by_hand(env, lambda s, h: approvals.reject(s, hash, h), reason, person, as_json=as_json)


def retry(env: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    return by_hand(env, lambda s, h: manual_actions.retry(s, id, h), reason, person, as_json=as_json)


def resync(env: str, kind: str, id: str, reason: str, person: str | None, *, as_json: bool) -> int:
    """Takes an entity up again, and reconciles it alone, under the guards."""
    by_hand(env, lambda s, h: manual_actions.heed(s, kind, id, h), reason, person, as_json=False)
    with session_of(env, quiet=as_json) as session:
        run = new_run(session, {"entity": [kind, id]})
        run_until(session, run, RECONCILE, "plan")
        stored = stored_plan(session, run.id)
        if not as_json:
            show(session, stored, as_json=False)
        result = applied(session, run)
    if as_json:
        out({"environment": env, "run": run.id, "plan": stored.plan.hash, **result})
    return exit_code(result["results"])
