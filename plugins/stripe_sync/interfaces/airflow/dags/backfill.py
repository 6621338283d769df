"""Plans what was made or changed in a window: reads everything, plans against the present, and repairs it on request.

One DAG an environment, named `backfill__<environment>`, started by hand. Its parameters choose the differences;
the target is always the present, never an old window. It plans only, unless `action` is `repair`, and then the same guards
and limits hold as in `reconcile`; what is over a limit waits, and the next run of `reconcile` asks about it.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import CHOICES, DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.dags.reconcile import reconcile_tasks

MOMENT = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"
PARAMS = {
    "since": Param(type="string", format="date-time", pattern=MOMENT, description="From when on."),
    "until": Param(
        None, type=["null", "string"], format="date-time", pattern=MOMENT, description="Until when; now if it is empty."
    ),
    "action": Param(
        "plan", type="string", enum=["plan", "repair"], description="Only plan, or write what the guards allow."
    ),
    **CHOICES,
    "full": Param(default=True, type="boolean", const=True, description="A backfill always reads everything."),
}


def backfill_dags() -> list[DAG]:
    """Make `backfill__ENVIRONMENT` for every environment."""
    return [backfill_dag(environment, settings) for environment, settings in readable().items()]


def backfill_dag(environment: str, settings: Environment) -> DAG:
    """Make the DAG of one environment."""
    with DAG(
        **dag_arguments("backfill", environment, settings, __doc__),
        schedule=None,
        max_active_runs=1,
        allowed_run_types=["manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    ) as made:
        reconcile_tasks(environment, settings)
    return made
