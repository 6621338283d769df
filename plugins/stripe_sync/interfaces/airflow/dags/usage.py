"""Puts what was used on draft invoices before Stripe finalizes them, proves it, and holds what is not proven.

One DAG an environment, named `usage__<environment>`, every ten minutes (`usage.schedule`). Its steps are the
list `stripe_sync/jobs/usage/job.py`; a run with nothing due asks neither Stripe nor Stigg. A run that ends as failed has
something that a person must see: a draft that is about to be finalized without its usage, or one that was. `alerts.webhook`
and `alerts.emails` name who gets the alert.
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
    """Make `usage__ENVIRONMENT` for every environment."""
    return [usage_dag(environment, settings) for environment, settings in readable().items()]


def usage_dag(environment: str, settings: Environment) -> DAG:
    """Make the DAG of one environment."""
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
