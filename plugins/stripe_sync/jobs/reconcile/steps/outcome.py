"""The outcome of a reconcile run: it failed if a step did, or if a write is not known to be right."""

from __future__ import annotations

from stripe_sync.core.errors import RunStopped
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.runner import require_finished, stored_results
from stripe_sync.jobs.runtime.step import Result


def decide_outcome(session: Session, run: Run) -> Result:
    """Return what was planned and written. Raises RunStopped with the steps that failed and the writes without proof."""
    require_finished(session, run, RECONCILE)
    results = stored_results(session, run, RECONCILE)
    applied, verified = results["apply"] or {}, results["verify"] or {}
    problems = []
    if verified.get("open_intents"):
        problems.append(f"{verified['open_intents']} writes have an unknown outcome and are looked for by the next run")
    if applied.get("unverified") or verified.get("wrong"):
        count = len(applied.get("unverified", ())) + len(verified.get("wrong", ()))
        problems.append(f"{count} writes differ from their target")
    if problems:
        raise RunStopped(f"The run {run.id}: {'; '.join(problems)}.")
    return {"run": run.id, "planned": (results["plan"] or {})["actions"], "results": applied.get("results", {})}
