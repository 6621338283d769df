"""The outcome of a usage run: it failed if a step did, or if a person has to act."""

from __future__ import annotations

from stripe_sync.core.errors import RunStopped
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.runner import require_finished, stored_results
from stripe_sync.jobs.runtime.step import Result
from stripe_sync.jobs.usage.job import USAGE


def decide_outcome(session: Session, run: Run) -> Result:
    """Return the results of the run's steps as one. Raises RunStopped with the steps that failed, or with the alerts."""
    require_finished(session, run, USAGE)
    results = stored_results(session, run, USAGE)
    alerts = (results["usage_settle"] or {}).get("pages", [])
    if alerts:
        raise RunStopped(f"Usage of {session.environment.name}: {' '.join(alerts)}")
    return {"run": run.id, **{key: value for result in filter(None, results.values()) for key, value in result.items()}}
