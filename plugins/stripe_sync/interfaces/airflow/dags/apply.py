"""**Request approval for a set of actions, and apply the approved ones.**

One DAG per environment: `apply__<environment>`. `reconcile` and `usage` trigger one run per request.

- *Waiting*: the task `decide` waits without a worker, a lease or a pool slot. Unanswered requests are rejected.
- *After approval*: the run plans again and applies only those approved actions that the new plan still contains.
- *From a shell*: `stripe-sync approve` and `stripe-sync reject` answer the same request.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, TriggerRule, task

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.approval_requests import record_answer, request_text
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.dags.reconcile import reconcile_tasks

PARAMS = {
    "approval": Param(
        type="string", pattern="^[0-9a-f]{16}$", description="The hash of the set of actions to approve."
    ),
}


def apply_dags() -> list[DAG]:
    """Create `apply__ENVIRONMENT` for every environment."""
    return [apply_dag(environment, settings) for environment, settings in readable().items()]


def apply_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
    with DAG(
        **dag_arguments("apply", environment, settings, __doc__),
        schedule=None,
        max_active_runs=32,
        allowed_run_types=["manual", "operator_triggered"],
        params=PARAMS,
        default_args=DEFAULTS,
    ) as made:
        from airflow.providers.standard.operators.hitl import ApprovalOperator

        @task
        def ask() -> Any:
            return request_text(environment)

        @task
        def accept() -> None:
            record_answer(environment, state=ApprovalState.APPROVED)

        @task(trigger_rule=TriggerRule.ALL_SKIPPED)
        def refuse() -> None:
            record_answer(environment, state=ApprovalState.REJECTED)

        decide = ApprovalOperator(
            task_id="decide",
            subject="{{ ti.xcom_pull(task_ids='ask')['subject'] }}",
            body="{{ ti.xcom_pull(task_ids='ask')['body'] }}",
            defaults="Reject",
            response_timeout=timedelta(hours=settings.approval_hours),
            execution_timeout=None,
        )
        accepted = accept()
        tasks = reconcile_tasks(environment, settings)
        ask() >> decide >> accepted >> tasks["preflight"]
        accepted >> refuse() >> tasks["report"]  # the last tasks read the answer
    return made
