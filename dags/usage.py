"""Puts what was used on draft invoices before Stripe finalizes them, proves it, and holds what is not proven.

One DAG an environment, named `usage__<environment>`, every ten minutes (`usage_schedule`). Its stations are in
`stripe_sync/jobs/usage/job.py`; a run with nothing due asks neither Stripe nor Stigg. A run that ends as failed has something
that a person must see: a draft that is about to be finalized without its usage, or one that was. `alert_webhook` and
`alert_emails` say who is told.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import DEFAULTS, asset, common, told, writing


def usage(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("usage", environment, heading, __doc__),
        schedule=heading["usage_schedule"] if heading["schedule"] else None,
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        dagrun_timeout=timedelta(hours=2),
        default_args=DEFAULTS
        | {"retry_delay": timedelta(seconds=15), "max_retry_delay": timedelta(minutes=2), "priority_weight": 100},
    )
    def wiring() -> None:
        from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

        from stripe_sync.interfaces.airflow.links import STRIPE, USAGE, linked
        from stripe_sync.interfaces.airflow.steps import asked, call

        @task(**writing(heading))
        def usage_due() -> Any:
            return call(environment, "usage_due")

        @task
        def usage_count() -> Any:
            return call(environment, "usage_count")

        @task(**writing(heading))
        def usage_lines() -> Any:
            return call(environment, "usage_lines")

        @task(outlets=[asset(environment, "usage")], **writing(heading))
        def usage_settle() -> Any:
            return call(environment, "usage_settle", outlet="usage")

        @task(**told(environment, heading))
        def usage_verdict() -> Any:
            return call(environment, "usage_verdict")

        @task
        def ask() -> Any:
            return asked(environment)

        written, questions = linked(usage_lines(), USAGE, STRIPE), ask()
        usage_due() >> usage_count() >> written >> linked(usage_settle(), USAGE) >> usage_verdict()
        written >> questions
        TriggerDagRunOperator.partial(
            task_id="open_questions", trigger_dag_id=f"apply__{environment}", skip_when_already_exists=True
        ).expand_kwargs(questions)

    wiring()


for name, heading in settings.readable_headings().items():
    usage(name, heading)
