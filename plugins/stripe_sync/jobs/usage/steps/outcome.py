"""The outcome of a usage run: it failed if a step did, or if a person has to act."""

from __future__ import annotations

from stripe_sync.core.errors import FatalError
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.usage import FoundDue, ReadQuantities, Settled, UsageOutcome, WrittenLines
from stripe_sync.jobs.runtime.runner import require_finished
from stripe_sync.jobs.runtime.step import find_result
from stripe_sync.jobs.usage.job import USAGE


def decide_outcome(session: Session, run: Run) -> UsageOutcome:
    """Return the results of the run's steps as one. Raises FatalError with the steps that failed, or with the alerts."""
    require_finished(session, run, USAGE)
    settled = find_result(session, run, Settled)
    if settled and settled.pages:
        raise FatalError(f"Usage of {session.environment.name}: {' '.join(settled.pages)}")
    return UsageOutcome(
        run=run.id,
        due=find_result(session, run, FoundDue),
        read=find_result(session, run, ReadQuantities),
        written=find_result(session, run, WrittenLines),
        settled=settled,
    )
