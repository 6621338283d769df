"""The usage job, from top to bottom: what was used is on the draft, proven, before Stripe finalizes it (BILLING 8 and 9).

   mirror ─► windows that ended ─► quantities ─► ledger ─► lines on the draft ─► proof ─► billed
   (Stripe's periods)              (Stigg)                        │
                                                        not proven: the draft is held

Each line below is a station, as in jobs/reconcile/job.py. A run with nothing due asks nobody anything.
"""

from __future__ import annotations

from stripe_sync.core.errors import RunStopped
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result
from stripe_sync.jobs.usage.steps.find_due import usage_due
from stripe_sync.jobs.usage.steps.read_quantities import usage_count
from stripe_sync.jobs.usage.steps.settle import usage_settle
from stripe_sync.jobs.usage.steps.write_lines import usage_lines
from stripe_sync.warehouse import runs

STATIONS = ("usage_due", "usage_count", "usage_lines", "usage_settle")


def usage(session: Session, run: Run) -> Result:
    """The whole job. Raises what stops it, and RunStopped where a person has to look."""
    usage_due(session, run)
    usage_count(session, run)
    usage_lines(session, run)
    usage_settle(session, run)
    return usage_verdict(session, run)


def usage_verdict(session: Session, run: Run) -> Result:
    """The last word on a run: it failed if a station did, or if somebody has to be woken."""
    name = session.environment.name
    results = {station: runs.result(session.engine, name, run.id, station) for station in STATIONS}
    unfinished = [station for station, result in results.items() if result is None]
    if unfinished:
        raise RunStopped(f"The run {run.id} did not finish {', '.join(unfinished)}; see the first of them.")
    pages = (results["usage_settle"] or {}).get("pages", [])
    if pages:
        raise RunStopped(f"Usage of {name}: {' '.join(pages)}")
    return {"run": run.id, **{key: value for result in results.values() for key, value in (result or {}).items()}}
