"""**Plan the changes of a past period, and repair them on request.**

One DAG per environment: `backfill__<environment>`, triggered manually.

- *Scope*: the parameters select the differences by the time at which an entity was created or changed. The run reads both
  sides in full; the target is always the current one.
- *Repair*: with `action` = `repair` the plan is applied under the guards and limits of `reconcile`. Groups over a limit
  wait; the next run of `reconcile` requests approval for them.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import CHOICES, DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.dags.reconcile import reconcile_tasks

TIME = r"^\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}.*)?$"
PARAMS = {
    "since": Param(type="string", format="date-time", pattern=TIME, description="Start of the period (UTC)."),
    "until": Param(
        None, type=["null", "string"], format="date-time", pattern=TIME, description="End of the period; now if empty."
    ),
    "action": Param(
        "plan", type="string", enum=["plan", "repair"], description="Only plan, or apply the plan within the guards."
    ),
    **CHOICES,
    "full": Param(default=True, type="boolean", const=True, description="A backfill always reads everything."),
}


def backfill_dags() -> list[DAG]:
    """Create `backfill__ENVIRONMENT` for every environment."""
    return [backfill_dag(environment, settings) for environment, settings in readable().items()]


def backfill_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
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
