"""The outcome of a reconcile run: it failed if a step did, or if a write is not known to be right."""

from __future__ import annotations

from stripe_sync.core.errors import FatalError
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import Applied, Planned, ReconcileOutcome, Verified
from stripe_sync.jobs.runtime.runner import require_finished
from stripe_sync.jobs.runtime.step import find_result


def decide_outcome(session: Session, run: Run) -> ReconcileOutcome:
    """Return what was planned and written. Raises FatalError with the steps that failed and the writes without proof."""
    require_finished(session, run, RECONCILE)
    planned, applied = find_result(session, run, Planned), find_result(session, run, Applied)
    verified = find_result(session, run, Verified)
    assert planned and applied and verified, "all steps are finished"
    problems = []
    if open_intents := verified.summary.open_intents:
        problems.append(f"{open_intents} writes have an unknown outcome and are looked for by the next run")
    if applied.unverified or verified.wrong:
        problems.append(f"{len(applied.unverified) + len(verified.wrong)} writes differ from their target")
    if problems:
        raise FatalError(f"The run {run.id}: {'; '.join(problems)}.")
    return ReconcileOutcome(run=run.id, planned=planned.summary.actions, results=applied.summary.results)
