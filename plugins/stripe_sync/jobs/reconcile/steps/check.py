"""The two checks of a reconcile run."""

from __future__ import annotations

from stripe_sync.checks import run as suite_runner
from stripe_sync.checks.run import CheckOutcome
from stripe_sync.jobs.runtime.context import Run, Session
from stripe_sync.jobs.runtime.results.reconcile import CheckedMirrors, CheckedPlan, SuiteCounts
from stripe_sync.jobs.runtime.step import step
from stripe_sync.warehouse.plans import plans
from stripe_sync.warehouse.snapshots import snapshots


@step(CheckedMirrors)
def check_mirrors(session: Session, run: Run, *, stigg: int, stripe: int) -> CheckedMirrors:
    """Check whether two snapshots may be compared, and which rows are left out. Raises CheckFailed."""
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
    return CheckedMirrors(quarantined=result.rows, summary=counts_of(result))


@step(CheckedPlan)
def check_plan(session: Session, run: Run) -> CheckedPlan:
    """Check whether a run's plan may be applied at all. Raises CheckFailed."""
    stored = plans.of_run(session.engine, session.environment.name, run.id)
    if stored is None or not stored.plan.actions:
        return CheckedPlan(summary=SuiteCounts(judged=0, kept=0))
    result = suite_runner.check(
        session.engine,
        "check_plan",
        contents={"plan": f"{session.environment.name}:{stored.comparison_id}"},
        parameters={"environment": session.environment.name, "comparison": stored.comparison_id},
    )
    suite_runner.require(result, "check_plan")
    return CheckedPlan(summary=counts_of(result))


def counts_of(outcome: CheckOutcome) -> SuiteCounts:
    """Return the counts of a check."""
    return SuiteCounts(judged=outcome.suites_run, kept=outcome.suites_reused)
