"""Puts what was used on draft invoices before Stripe finalizes them, proves it, and holds what is not proven.

One DAG an environment, named `usage__<environment>`, every ten minutes (`usage_schedule`). Its steps are the
list `stripe_sync/jobs/usage/job.py`; a run with nothing due asks neither Stripe nor Stigg. A run that ends as failed has
something that a person must see: a draft that is about to be finalized without its usage, or one that was. `alert_webhook`
and `alert_emails` name who gets the alert.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from airflow.sdk import DAG

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.step_tasks import question_tasks, step_tasks
from stripe_sync.jobs.usage.job import USAGE


def usage_dags() -> list[DAG]:
    """Make `usage__ENVIRONMENT` for every environment."""
    return [usage_dag(environment, heading) for environment, heading in settings.readable_headings().items()]


def usage_dag(environment: str, heading: Mapping[str, Any]) -> DAG:
    """Make the DAG of one environment."""
    with DAG(
        **dag_arguments("usage", environment, heading, __doc__),
        schedule=heading["usage_schedule"] if heading["schedule"] else None,
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        dagrun_timeout=timedelta(hours=2),
        default_args=DEFAULTS
        | {"retry_delay": timedelta(seconds=15), "max_retry_delay": timedelta(minutes=2), "priority_weight": 100},
    ) as made:
        tasks = step_tasks(environment, heading, USAGE.steps, final=USAGE.last.name)
        tasks["usage_lines"] >> question_tasks(environment, USAGE.step("usage_lines"))
    return made
