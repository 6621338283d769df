"""Asks a person about one set of actions, and makes what of it is still the same once it is approved.

One DAG an environment, named `apply__<environment>`; `reconcile` starts a run a question. The task `decide` waits without a
worker, a lease or a pool slot; nobody's answer in time is a rejection. After a yes the run plans anew, makes the approved
actions that the new plan still has, and nothing else. `stripe-sync approve` and `reject` give the same answer from a shell.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, TriggerRule, dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import DEFAULTS, common, way_of_the_data

PARAMS = {
    "approval": Param(
        type="string", pattern="^[0-9a-f]{16}$", description="The set of actions that a person is asked about."
    ),
}


def apply(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("apply", environment, heading, __doc__),
        schedule=None,
        max_active_runs=32,
        allowed_run_types=["manual", "operator_triggered"],
        params=PARAMS,
        default_args=DEFAULTS,
    )
    def wiring() -> None:
        from airflow.providers.standard.operators.hitl import ApprovalOperator

        from stripe_sync.interfaces.airflow.steps import answer, question

        @task
        def ask() -> Any:
            return question(environment)

        @task
        def accept() -> None:
            answer(environment, state="approved")

        @task(trigger_rule=TriggerRule.ALL_SKIPPED)
        def refuse() -> None:
            answer(environment, state="rejected")

        decide = ApprovalOperator(
            task_id="decide",
            subject="{{ ti.xcom_pull(task_ids='ask')['subject'] }}",
            body="{{ ti.xcom_pull(task_ids='ask')['body'] }}",
            defaults="Reject",
            response_timeout=timedelta(hours=heading["approval_hours"]),
            execution_timeout=None,
        )
        accepted = accept()
        first, _, reported = way_of_the_data(environment, heading)
        ask() >> decide >> accepted >> first
        accepted >> refuse() >> reported  # so that the last tasks know whether there is anything to report

    wiring()


for name, heading in settings.readable_headings().items():
    apply(name, heading)
