"""The two gates of a reconcile run."""

from __future__ import annotations

from stripe_sync.checks import run as suite_runner
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.step import Result, step
from stripe_sync.warehouse.plans import plans
from stripe_sync.warehouse.snapshots import snapshots


@step
def check_mirrors(session: Session, run: Run, *, stigg: int, stripe: int) -> Result:
    """Whether two snapshots may be compared, and which rows are left out. Raises CheckFailed."""
    pair = [snapshots.get(session.engine, id) for id in (stigg, stripe)]
    result = suite_runner.check(
        session.engine,
        "check_mirrors",
        contents={s.side: f"{session.environment.name}:{s.side}:{s.content_id}" for s in pair},
        parameters={
            "environment": session.environment.name,
            "stigg_snapshot": stigg,
            "stripe_snapshot": stripe,
            "live": int(session.environment.live),
        },
    )
    suite_runner.require(result, "check_mirrors")
    return {
        "quarantined": [list(row) for row in result.rows],
        "judged": result.suites_run,
        "kept": result.suites_reused,
    }


@step
def check_plan(session: Session, run: Run) -> Result:
    """Whether a run's plan is one that may be applied at all. Raises CheckFailed."""
    stored = plans.of_run(session.engine, session.environment.name, run.id)
    if stored is None or not stored.plan.actions:
        return {"judged": 0, "kept": 0}
    result = suite_runner.check(
        session.engine,
        "check_plan",
        contents={"plan": f"{session.environment.name}:{stored.comparison_id}"},
        parameters={"environment": session.environment.name, "comparison": stored.comparison_id},
    )
    suite_runner.require(result, "check_plan")
    return {"judged": result.suites_run, "kept": result.suites_reused}
