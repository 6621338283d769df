"""**Make Stripe agree with Stigg.** Reads both sides, compares them, plans the changes, applies those within the limits,
verifies the result and writes a report.

One DAG per environment: `reconcile__<environment>`. Its tasks are the steps of `stripe_sync/jobs/reconcile/job.py`.

- *Schedule*: `schedule` in `environments.toml`.
- *Dry run*: trigger with `mode` = `observe` to see the plan without writing, or `propose` to request approval for every change.
- *Approvals*: a group over a limit becomes a run of `apply__<environment>`. The rest of this run continues.
- *Retries*: every task is idempotent. Clear or retry any of them.
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
        description="Maximum mode for this run. A lane never exceeds its mode in environments.toml.",
    ),
    **CHOICES,
    "full": Param(default=False, type="boolean", description="Read all of Stripe instead of its recent events."),
}


def reconcile_dags() -> list[DAG]:
    """Create `reconcile__ENVIRONMENT` for every environment. Raises ConfigurationError for settings that cannot be read."""
    return [reconcile_dag(environment, settings) for environment, settings in load().items()]


def reconcile_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
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
    """Create the tasks of a run by name: the steps that lead to its outcome, and the outcome; no approval requests."""
    last = RECONCILE.last
    return step_tasks(environment, settings, (*RECONCILE.leading_to(last.name), last), final=last.name)
