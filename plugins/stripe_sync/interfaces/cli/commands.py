"""The commands: each performs steps of a job and prints their results, for people or for scripts."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from stripe_sync.core.errors import ConfigurationError
from stripe_sync.domain.plan.declines import Decline, next_attempt
from stripe_sync.domain.plan.explain import changes
from stripe_sync.interfaces.cli.output import asked_now, out, show, table
from stripe_sync.jobs.finance.job import REPORT
from stripe_sync.jobs.finance.steps.publish import publish
from stripe_sync.jobs.reconcile.backfill import params_of
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.context import Run, Session, from_environ, start_run
from stripe_sync.jobs.runtime.environment_session import session_for
from stripe_sync.jobs.runtime.runner import run_job, run_step, run_until
from stripe_sync.jobs.setup.probe import probe as run_probe
from stripe_sync.reporting.explain import explain_customer as explained
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import link_suggestions, statuses
from stripe_sync.warehouse.plans import declines, failures, plans
from stripe_sync.warehouse.plans.plans import StoredPlan
from stripe_sync.warehouse.writes import leases


@contextmanager
def session_of(env: str, *, quiet: bool) -> Iterator[Session]:
    """The session of an environment; progress goes to standard error unless the output is for a script."""
    console = Console(stderr=True, highlight=False)
    progress = (lambda message, **about: None) if quiet else (lambda message, **about: console.print(escape(message)))
    with session_for(env, environ=os.environ, connection_of=from_environ, progress=progress) as session:
        yield session


def new_run(session: Session, params: Mapping[str, Any]) -> Run:
    """A run with an id of its own."""
    return start_run(session, f"cli-{uuid.uuid4().hex[:12]}", params)


def plan(env: str, params: Mapping[str, Any], *, against: str | None, as_json: bool) -> int:
    check_kinds(params["entities"])
    with session_of(env, quiet=as_json) as session:
        older = plan_of_hash(session, against) if against else None
        run = new_run(session, params)
        run_until(session, run, RECONCILE, "plan")
        stored = stored_plan(session, run.id)
        show(session, stored, as_json=as_json)
        if older is not None and not as_json:
            print(f"compared with the plan {against}:")
            print("\n".join(changes(older.plan, stored.plan)))
    return 2 if stored.plan.actions else 0


def backfill(
    env: str, since: str, until: str, entities: list[str], customers: list[str], *, repair: bool, as_json: bool
) -> int:
    """Plans what a window is about, and repairs it where that was asked for."""
    check_kinds(entities)
    with session_of(env, quiet=as_json) as session:
        now = session.clock.now()
        params = params_of(since, until, entities=entities, customers=customers, repair=repair, now=now)
        run = new_run(session, params)
        run_until(session, run, RECONCILE, "plan")
        stored = stored_plan(session, run.id)
        if not repair or not as_json:
            show(session, stored, as_json=as_json)
        if not repair:
            return 2 if stored.plan.actions else 0
        result = applied(session, run)
    if as_json:
        out({"environment": env, "run": run.id, "plan": stored.plan.hash, **result})
    else:
        print(f"results: {result['results'] or 'nothing to do'}")
    return exit_code(result["results"])


def plan_of_hash(session: Session, hash: str) -> StoredPlan:
    """A stored plan. Raises ConfigurationError where there is none of this hash."""
    found = plans.by_hash(session.engine, session.environment.name, hash)
    if found is None:
        raise ConfigurationError(
            f"There is no plan {hash} of {session.environment.name}; see the hash that plan prints."
        )
    return found


def probe(env: str, *, as_json: bool) -> int:
    with session_of(env, quiet=as_json) as session:
        found = run_probe(session)
    rows = [
        {"question": a.name, "answer": a.answer, "detail": a.detail, "requests": ", ".join(a.request_ids)}
        for a in found.answers
    ]
    left = found.left
    if as_json:
        out({"answers": rows, "archived": left.archived, "still_there": left.remaining})
    else:
        table(rows)
        print(f"{left.deleted} objects deleted; archived: {', '.join(left.archived) or 'none'}")
    for one in left.remaining:
        print(f"still there: {one}", file=sys.stderr)
    return 0


def check_kinds(given: list[str]) -> None:
    known = ("product", "price", "coupon", "customer", "subscription")
    for kind in given:
        if kind not in known:
            raise ConfigurationError(f"There is no kind {kind}; kinds are {', '.join(known)}.")


def stored_plan(session: Session, run_id: str) -> StoredPlan:
    found = plans.of_run(session.engine, session.environment.name, run_id)
    assert found is not None
    return found


def apply(env: str, plan_hash: str | None, *, yes: bool, as_json: bool) -> int:
    with session_of(env, quiet=as_json) as session:
        if plan_hash:
            run = start_run(session, plan_of_hash(session, plan_hash).run_id)
        else:
            run = new_run(session, {})
            run_until(session, run, RECONCILE, "plan")
        stored = stored_plan(session, run.id)
        if not as_json:
            show(session, stored, as_json=False)
        if stored.plan.actions and not yes and sys.stdin.isatty():
            typer.confirm("Write this to Stripe, as far as the guards allow?", abort=True)
        result = applied(session, run)
        report = runs.result(session.engine, session.environment.name, run.id, "report") or {}
    if as_json:
        out({"environment": env, "run": run.id, "plan": stored.plan.hash, **result, "report": report.get("folder")})
    else:
        print(f"results: {result['results'] or 'nothing to do'}; report in {report.get('folder')}")
    return exit_code(result["results"])


def applied(session: Session, run: Run) -> dict[str, Any]:
    """Does the whole job, and gives what became of its writes."""
    run_job(session, run, RECONCILE)
    return runs.result(session.engine, session.environment.name, run.id, "apply") or {}


def exit_code(results: Mapping[str, int]) -> int:
    """0 all done, 2 something waits, 1 something failed."""
    if any(results.get(name) for name in ("refused", "unknown", "dropped")):
        return 1
    return 2 if any(results.get(name) for name in ("waiting", "blocked", "paused")) else 0


def report(env: str, target: str | None, month: str, *, names: bool, as_json: bool) -> int:
    """Audits the closed month where that is due, and writes the finance report."""
    with session_of(env, quiet=as_json) as session:
        run = new_run(session, {"month": month, "names": names})
        results = {step.name: run_step(session, run, step) for step in REPORT.steps[:-1]}
        result = publish(session, run, folder_of(target))
    if as_json:
        out({"environment": env, "run": run.id, "audited": results["audit_month"], **result})
        return 0
    summary = result["summary"]
    for direction, amounts in summary["a_month"].items():
        print(
            f"{direction}: "
            + ", ".join(f"{amount} {currency.upper()}" for currency, amount in amounts.items())
            + " a month"
        )
    print(f"{summary['open_differences']} open differences; the report is in {result['folder']}")
    return 0


def folder_of(target: str | None) -> Any:
    """A folder on disk, or one in an object store by its URL; None is the environment's own."""
    if target is None or "://" not in target:
        return Path(target) if target else None
    from upath import UPath

    return UPath(target)


def when(decline: Decline) -> str:
    """Return when a declined payment is asked for again by itself."""
    moment = next_attempt(decline)
    return f"left alone until {moment:%Y-%m-%d %H:%M} UTC" if moment else "left alone until retry or another card"


def status(env: str, id: str | None, *, as_json: bool) -> int:
    with session_of(env, quiet=True) as session:
        if id is None:
            rows = statuses.counts(session.engine, env)
            last = runs.last(session.engine, env)
            waiting, paused = link_suggestions.all_of(session.engine, env), leases.pauses(session.engine, env)
            requests = asked_now(session)
            failing, declined = failures.all_of(session.engine, env), declines.all_of(session.engine, env)
            if as_json:
                seen = {"last_run": last, "statuses": rows, "candidates": waiting, "paused": paused}
                out({"environment": env, **seen, "approvals": requests, "failing": failing})
                return 0
            for question in requests:
                print(
                    f"asked: {question['approval']}: {question['actions']} x {question['group']}, due now "
                    f"{question['due_now']}, a month {question['per_month']}, until {question['expires']}"
                )
            for one in failing:
                again = f"left alone until {one['until']:%Y-%m-%d %H:%M} UTC" if one["until"] else "tried every run"
                again = when(declined[one["target"]]) if one["target"] in declined else again
                print(f"failing: {one['target']}: {one['reason']}, {one['failures']} times, {again}")
            for lane, why in paused.items():
                print(f"paused: {lane or 'every lane'}: {why}")
            for row in waiting:
                print(f"candidate: {row['key']} and {row['stripe_id']}: {row['why']}")
            print(f"last run: {last['run_id']} at {last['started_at']:%Y-%m-%d %H:%M:%S} UTC" if last else "no run yet")
            table(rows)
            return 0
        found = statuses.find(session.engine, env, id)
        if not found:
            raise ConfigurationError(
                f"Nothing in {env} has the id {id}; give a Stigg id or a Stripe id as of the last run."
            )
        rows = [{"kind": s.kind, "id": s.id, "status": s.status.value, "reason": s.reason.value, "detail": s.detail,
                 "stripe_id": s.stripe_id} for s in found]  # fmt: skip
        out(rows) if as_json else table(rows)
    return 0


def explain_customer(env: str, customer: str, *, as_json: bool) -> int:
    """One page about one customer."""
    with session_of(env, quiet=True) as session:
        page = explained(session.engine, env, customer)
    if as_json:
        out(page)
        return 0
    print(f"customer {page['customer']} of {env}, as of {page['as_of']:%Y-%m-%d %H:%M:%S} UTC")
    for title in ("statuses", "links", "stigg", "stripe", "drafts", "usage", "drift", "history"):
        print(f"\n{title}" if page[title] else f"\n{title}: nothing")
        table(page[title])
    return 0
