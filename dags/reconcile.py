"""Compares Stigg with Stripe, plans what to write, writes what the guards allow, verifies it and reports.

One DAG an environment of environments.toml, named `reconcile__<environment>`. Each task is one station of
`stripe_sync/jobs/reconcile`; a task that is retried or cleared does nothing twice. Trigger it with `mode` to look without
writing (`observe`) or to have everything wait for approval (`propose`). What waits for a person becomes a run of the DAG
`apply__<environment>`; the rest of this run goes on.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from airflow.sdk import Param, dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import CHOICES, DEFAULTS, common, way_of_the_data

PARAMS = {
    "mode": Param(
        "as configured",
        type="string",
        enum=["as configured", "propose", "observe"],
        description="At most this bold; never bolder than the environment's own modes.",
    ),
    **CHOICES,
    "full": Param(
        default=False, type="boolean", description="Read everything in Stripe, and not what its events name."
    ),
}


def reconcile(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("reconcile", environment, heading, __doc__),
        schedule=heading["schedule"],
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        dagrun_timeout=timedelta(hours=4),
        params=PARAMS,
        default_args=DEFAULTS,
    )
    def wiring() -> None:
        from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

        from stripe_sync.interfaces.airflow.steps import asked

        @task
        def ask() -> Any:
            return asked(environment)

        _, checked, _ = way_of_the_data(environment, heading)
        questions = ask()
        checked >> questions
        TriggerDagRunOperator.partial(
            task_id="open_questions", trigger_dag_id=f"apply__{environment}", skip_when_already_exists=True
        ).expand_kwargs(questions)

    wiring()


for name, heading in settings.headings().items():
    reconcile(name, heading)
