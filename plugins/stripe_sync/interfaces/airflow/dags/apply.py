"""Asks a person about one set of actions, and makes what of it is still the same once it is approved.

One DAG an environment, named `apply__<environment>`; `reconcile` starts a run a question. The task `decide` waits without a
worker, a lease or a pool slot; a request that is not answered in time is rejected. After a yes the run plans again, makes the approved
actions that the new plan still has, and nothing else. `stripe-sync approve` and `reject` give the same answer from a shell.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param, TriggerRule, task

from stripe_sync.core.approval_state import ApprovalState
from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.dags.reconcile import reconcile_tasks
from stripe_sync.interfaces.airflow.questions import answer, question

PARAMS = {
    "approval": Param(
        type="string", pattern="^[0-9a-f]{16}$", description="The set of actions that a person is asked about."
    ),
}


def apply_dags() -> list[DAG]:
    """Make `apply__ENVIRONMENT` for every environment."""
    return [apply_dag(environment, settings) for environment, settings in readable().items()]


def apply_dag(environment: str, settings: Environment) -> DAG:
    """Make the DAG of one environment."""
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
            return question(environment)

        @task
        def accept() -> None:
            answer(environment, state=ApprovalState.APPROVED)

        @task(trigger_rule=TriggerRule.ALL_SKIPPED)
        def refuse() -> None:
            answer(environment, state=ApprovalState.REJECTED)

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
        accepted >> refuse() >> tasks["report"]  # so that the last tasks know whether there is anything to report
    return made
