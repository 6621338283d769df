"""Compares Stigg with Stripe, plans what to write, writes what the guards allow, verifies it and reports.

One DAG an environment of environments.toml, named `reconcile__<environment>`. Each task is one step of the list
`stripe_sync/jobs/reconcile/job.py`; a task that is retried or cleared does nothing twice. Trigger it with `mode` to look
without writing (`observe`) or to have everything wait for approval (`propose`). What waits for a person becomes a run of the
DAG `apply__<environment>`; the rest of this run goes on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import DAG, Param

from stripe_sync.core.config.settings import load
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import CHOICES, DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.step_tasks import question_tasks, step_tasks
from stripe_sync.jobs.reconcile.job import RECONCILE

PARAMS = {
    "mode": Param(
        "as configured",
        type="string",
        enum=["as configured", "propose", "observe"],
        description="The maximum mode for this run; the environment's own modes stay the limit.",
    ),
    **CHOICES,
    "full": Param(
        default=False, type="boolean", description="Read everything in Stripe, and not what its events name."
    ),
}


def reconcile_dags() -> list[DAG]:
    """Make `reconcile__ENVIRONMENT` for every environment. Raises ConfigurationError for settings that cannot be read."""
    return [reconcile_dag(environment, settings) for environment, settings in load().items()]


def reconcile_dag(environment: str, settings: Environment) -> DAG:
    """Make the DAG of one environment."""
    with DAG(
        **dag_arguments("reconcile", environment, settings, __doc__),
        schedule=settings.schedule,
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        dagrun_timeout=timedelta(hours=4),
        params=PARAMS,
        default_args=DEFAULTS,
    ) as made:
        tasks = reconcile_tasks(environment, settings)
        tasks["check_plan"] >> question_tasks(environment, RECONCILE.step("ask"))
    return made


def reconcile_tasks(environment: str, settings: Environment) -> dict[str, Any]:
    """Make the tasks of a run by name: the steps that lead to its outcome, and the outcome. No person is asked."""
    last = RECONCILE.last
    return step_tasks(environment, settings, (*RECONCILE.leading_to(last.name), last), final=last.name)
