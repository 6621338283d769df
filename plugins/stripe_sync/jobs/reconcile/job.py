"""The reconcile job: the list of its steps, which the CLI, the DAGs and the run's outcome iterate over; there is no other.

  Stigg                                                              Stripe
    │ extract                                                          │ extract
    ▼                                                                  ▼
snapshot ─► check ─► target ─► compare (SQL) ◄─ check ◄─ snapshot
                                   │
                                 drift ─► plan ─► guards ─► check ─► ask ─► apply ─► verify ─► report

"""

from __future__ import annotations

from stripe_sync.jobs.runtime.step_list import Argument, Job, Page, Step, Trigger

SNAPSHOTS = (Argument("stigg", "extract_stigg", "snapshot"), Argument("stripe", "extract_stripe", "snapshot"))

RECONCILE = Job(
    "reconcile",
    (
        Step(name="preflight", function="runtime.preflight:preflight"),
        Step(name="extract_stigg", function="reconcile.steps.extract_stigg:extract_stigg", after=("preflight",)),
        Step(name="extract_stripe", function="reconcile.steps.extract_stripe:extract_stripe", after=("preflight",)),
        Step(name="check_mirrors", function="reconcile.steps.check:check_mirrors", arguments=SNAPSHOTS),
        Step(
            name="compare",
            function="reconcile.steps.compare:compare",
            arguments=SNAPSHOTS,
            after=("check_mirrors",),
            asset="drift",
            pages=(Page.DRIFT, Page.STRIPE),
        ),
        Step(
            name="plan",
            function="reconcile.steps.plan:plan",
            arguments=(
                Argument("comparison", "compare", "comparison"),
                Argument("read_only_reason", "preflight", "held_at_observe"),
            ),
            asset="plan",
            pages=(Page.PLAN,),
        ),
        Step(name="check_plan", function="reconcile.steps.check:check_plan", after=("plan",), pages=(Page.PLAN,)),
        Step(name="ask", function="runtime.approvals:ask", after=("check_plan",)),
        Step(
            name="apply",
            function="reconcile.steps.apply:apply",
            after=("check_plan",),
            writes=True,
            priority=10,
            pages=(Page.PLAN, Page.STRIPE),
        ),
        Step(name="verify", function="reconcile.steps.verify:verify", after=("apply",)),
        Step(name="report", function="reconcile.steps.report:report", after=("verify",), trigger=Trigger.ALL_DONE),
        Step(
            name="verdict",
            function="reconcile.steps.outcome:decide_outcome",
            after=("report",),
            trigger=Trigger.ALL_DONE,
        ),
    ),
)
