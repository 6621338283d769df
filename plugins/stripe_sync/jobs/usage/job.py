"""The usage job: the list of its steps. Usage is on the draft and proven before Stripe finalizes it (BILLING 8 and 9).

   snapshot ─► windows that ended ─► quantities ─► ledger ─► lines on the draft ─► proof ─► billed
   (Stripe's periods)                (Stigg)                        │
                                                          not proven: the draft is held

A run with nothing due sends no request.
"""

from __future__ import annotations

from stripe_sync.jobs.runtime.step_list import Job, Page, Step, Trigger

USAGE = Job(
    "usage",
    (
        Step(name="usage_due", function="usage.steps.find_due:usage_due", writes=True),
        Step(name="usage_count", function="usage.steps.read_quantities:usage_count", after=("usage_due",)),
        Step(
            name="usage_lines",
            function="usage.steps.write_lines:usage_lines",
            after=("usage_count",),
            writes=True,
            pages=(Page.USAGE, Page.STRIPE),
        ),
        Step(
            name="usage_settle",
            function="usage.steps.settle:usage_settle",
            after=("usage_lines",),
            writes=True,
            asset="usage",
            pages=(Page.USAGE,),
        ),
        Step(
            name="usage_verdict",
            function="usage.steps.outcome:decide_outcome",
            after=("usage_settle",),
            trigger=Trigger.ALL_DONE,
        ),
    ),
)
