"""**Write the drift report for finance**: differences with age and amount, unbilled usage, and repairs.

One DAG per environment: `report__<environment>`, daily (`report.schedule`). It writes nothing in Stripe or Stigg. The
report is one HTML page that opens offline, a workbook, CSV and JSON. It is stored in `report.path` (any object store with
an Airflow connection) or in the worker's local folder, and is sent to `report.emails`.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments, final_task_args
from stripe_sync.interfaces.airflow.mail import send
from stripe_sync.interfaces.airflow.step_tasks import step_task, step_tasks
from stripe_sync.interfaces.airflow.steps import folder
from stripe_sync.jobs.finance.job import REPORT

PARAMS = {
    "month": Param(
        "", type="string", pattern=r"^(\d{4}-\d{2})?$", description="Audit this month again, such as 2026-10."
    ),
    "names": Param(default=False, type="boolean", description="Show customers' names and e-mail addresses."),
}


def report_dags() -> list[DAG]:
    """Create `report__ENVIRONMENT` for every environment."""
    return [report_dag(environment, settings) for environment, settings in readable().items()]


def report_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
    with DAG(
        **dag_arguments("report", environment, settings, __doc__),
        schedule=settings.report.schedule if settings.schedule else None,
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    ) as made:
        *before, publish = REPORT.steps
        emails = settings.report.emails
        tasks = step_tasks(environment, settings, before)
        published = step_task(
            environment,
            settings,
            publish,
            is_final=not emails,
            arguments=lambda: {"folder": folder(environment, settings)},
        )
        [tasks[name] for name in publish.upstream()] >> published
        if emails:

            @task(**final_task_args(environment, settings))
            def email(published: Any) -> None:
                send(environment, emails, published)

            email(published)
    return made
