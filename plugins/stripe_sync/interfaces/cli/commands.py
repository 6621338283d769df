"""Commands of the reconcile and report jobs: each runs steps and prints their results, for people or for scripts."""

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
from stripe_sync.domain.plan.explain import changes
from stripe_sync.interfaces.cli.output import out, show, table
from stripe_sync.jobs.finance.job import REPORT
from stripe_sync.jobs.finance.steps.publish import publish
from stripe_sync.jobs.reconcile.backfill import params_of
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.context import Run, Session, from_environ, start_run
from stripe_sync.jobs.runtime.environment_session import session_for
from stripe_sync.jobs.runtime.results.reconcile import Applied, Reported
from stripe_sync.jobs.runtime.runner import run_job, run_step, run_until
from stripe_sync.jobs.runtime.step import find_result
from stripe_sync.jobs.setup.probe import probe as run_probe
from stripe_sync.reporting import explain
from stripe_sync.reporting.folder import Folder
from stripe_sync.warehouse.plans import plans
from stripe_sync.warehouse.plans.plans import StoredPlan
from stripe_sync.warehouse.step_results import row_of


@contextmanager
def session_of(env: str, *, quiet: bool) -> Iterator[Session]:
    """Open the session of an environment; unless ``quiet``, progress goes to standard error."""
    console = Console(stderr=True, highlight=False)
    progress = (lambda message, **about: None) if quiet else (lambda message, **about: console.print(escape(message)))
    with session_for(env, environ=os.environ, connection_of=from_environ, progress=progress) as session:
        yield session


def new_run(session: Session, params: Mapping[str, Any]) -> Run:
    """Start a run with a new id."""
    return start_run(session, f"cli-{uuid.uuid4().hex[:12]}", params)


def plan(env: str, params: Mapping[str, Any], *, against: str | None, as_json: bool) -> int:
    """Run reconcile up to its plan and print it; return 2 if it has actions, else 0."""
    check_kinds(params["entities"])
    with session_of(env, quiet=as_json) as session:
        older = plan_of_hash(session, against) if against else None
        run = new_run(session, params)
        run_until(session, run, RECONCILE, "plan")
        stored = stored_plan(session, run.id)
        show(session, stored, as_json=as_json)
        if older is not None and not as_json:
            print(f"Compared with plan {against}:")
            print("\n".join(changes(older.plan, stored.plan)))
    return 2 if stored.plan.actions else 0


def backfill(
    env: str, since: str, until: str, entities: list[str], customers: list[str], *, repair: bool, as_json: bool
) -> int:
    """Plan what was created or changed in a period, and apply the plan if ``repair``; return the exit code."""
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
        result = run_reconcile(session, run)
    if as_json:
        out({"environment": env, "run": run.id, "plan": stored.plan.hash, **row_of(result)})
    else:
        print(f"results: {result.summary.results or 'nothing to do'}")
    return exit_code(result.summary.results)


def plan_of_hash(session: Session, hash: str) -> StoredPlan:
    """Return the stored plan of a hash. Raises ConfigurationError where it does not exist."""
    found = plans.by_hash(session.engine, session.environment.name, hash)
    if found is None:
        raise ConfigurationError(
            f"Plan {hash} not found in {session.environment.name}. Use the hash that stripe-sync plan prints."
        )
    return found


def probe(env: str, *, as_json: bool) -> int:
    """Answer the open questions on test accounts and print the answers; return 0."""
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
        print(f"not removed: {one}", file=sys.stderr)
    return 0


def check_kinds(given: list[str]) -> None:
    """Raise ConfigurationError for a kind that cannot be selected."""
    known = ("product", "price", "coupon", "customer", "subscription")
    for kind in given:
        if kind not in known:
            raise ConfigurationError(f"Unknown kind: {kind}. Kinds are {', '.join(known)}.")


def stored_plan(session: Session, run_id: str) -> StoredPlan:
    """Return the plan that a run has stored."""
    found = plans.of_run(session.engine, session.environment.name, run_id)
    assert found is not None
    return found


def apply(env: str, plan_hash: str | None, *, yes: bool, as_json: bool) -> int:
    """Apply a stored plan or a new one, and print the results; return the exit code.

    On a terminal the command asks for confirmation, unless ``yes``.
    """
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
            typer.confirm("Apply these actions to Stripe, within the guards?", abort=True)
        result = run_reconcile(session, run)
        reported = find_result(session, run, Reported)
    folder = reported.folder if reported else None
    if as_json:
        out({"environment": env, "run": run.id, "plan": stored.plan.hash, **row_of(result), "report": folder})
    else:
        print(f"results: {result.summary.results or 'nothing to do'}; report: {folder}")
    return exit_code(result.summary.results)


def run_reconcile(session: Session, run: Run) -> Applied:
    """Run all steps of reconcile and return the result of its step ``apply``."""
    run_job(session, run, RECONCILE)
    applied = find_result(session, run, Applied)
    assert applied is not None, "the job ended without an error"
    return applied


def exit_code(results: Mapping[str, int]) -> int:
    """Return 1 where a write failed, 2 where one waits, else 0."""
    if any(results.get(name) for name in ("refused", "unknown", "dropped")):
        return 1
    return 2 if any(results.get(name) for name in ("waiting", "blocked", "paused")) else 0


def report(env: str, target: str | None, month: str, *, names: bool, as_json: bool) -> int:
    """Audit the closed month if that is due, and write the finance report; return 0."""
    with session_of(env, quiet=as_json) as session:
        run = new_run(session, {"month": month, "names": names})
        results = {step.name: run_step(session, run, step) for step in REPORT.steps[:-1]}
        result = publish(session, run, folder_of(target))
    if as_json:
        out({"environment": env, "run": run.id, "audited": row_of(results["audit_month"]), **row_of(result)})
        return 0
    summary = result.summary
    for direction, amounts in summary.a_month.items():
        print(
            f"{direction}: "
            + ", ".join(f"{amount} {currency.upper()}" for currency, amount in amounts.items())
            + " per month"
        )
    print(f"{summary.open_differences} open differences. Report: {result.folder}")
    return 0


def folder_of(target: str | None) -> Folder | None:
    """Return a folder on disk, or one in an object store by its URL; None means the environment's default folder."""
    if target is None or "://" not in target:
        return Path(target) if target else None
    from upath import UPath

    folder: Folder = UPath(target)
    return folder


def explain_customer(env: str, customer: str, *, as_json: bool) -> int:
    """Print both sides, links, statuses, drift and history of one customer; return 0."""
    with session_of(env, quiet=True) as session:
        page = explain.explain_customer(session.engine, env, customer)
    if as_json:
        out(page)
        return 0
    print(f"customer {page['customer']} of {env}, as of {page['as_of']:%Y-%m-%d %H:%M:%S} UTC")
    for title in ("statuses", "links", "stigg", "stripe", "drafts", "usage", "drift", "history"):
        print(f"\n{title}" if page[title] else f"\n{title}: none")
        table(page[title])
    return 0
