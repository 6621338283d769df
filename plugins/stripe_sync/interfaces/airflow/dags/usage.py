"""**Write usage to draft invoices before Stripe finalizes them.** Verifies the lines, and holds drafts with unverified usage.

One DAG per environment: `usage__<environment>`, every ten minutes (`usage.schedule`). Its tasks are the steps of
`stripe_sync/jobs/usage/job.py`. A run with nothing due sends no request.

- *Failed runs*: a draft is about to be finalized without its usage, or has been. The error names it.
- *Alerts*: to `alerts.webhook` and `alerts.emails`.
"""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.step_tasks import question_tasks, step_tasks
from stripe_sync.jobs.usage.job import USAGE


def usage_dags() -> list[DAG]:
    """Create `usage__ENVIRONMENT` for every environment."""
    return [usage_dag(environment, settings) for environment, settings in readable().items()]


def usage_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
    with DAG(
        **dag_arguments("usage", environment, settings, __doc__),
        schedule=settings.usage.schedule if settings.schedule else None,
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        dagrun_timeout=timedelta(hours=2),
        default_args=DEFAULTS
        | {"retry_delay": timedelta(seconds=15), "max_retry_delay": timedelta(minutes=2), "priority_weight": 100},
    ) as made:
        tasks = step_tasks(environment, settings, USAGE.steps, final=USAGE.last.name)
        tasks["usage_lines"] >> question_tasks(environment, USAGE.step("usage_lines"))
    return made
