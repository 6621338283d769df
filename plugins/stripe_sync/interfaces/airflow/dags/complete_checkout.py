"""**Create paid checkout subscriptions in Stigg, and close expired checkout sessions.**

One DAG per environment: `complete_checkout__<environment>`. With `session` it completes that session. Every 15 minutes it
completes all paid sessions that the application has not completed. Without open sessions it sends no request.
"""

from __future__ import annotations

from airflow.sdk import DAG, Param

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.step_tasks import step_tasks
from stripe_sync.jobs.checkout.job import COMPLETE_CHECKOUT

PARAMS = {
    "session": Param("", type="string", pattern="^(cs_.+)?$", description="One session; every open one if empty.")
}


def complete_checkout_dags() -> list[DAG]:
    """Create `complete_checkout__ENVIRONMENT` for every environment."""
    return [complete_checkout_dag(environment, settings) for environment, settings in readable().items()]


def complete_checkout_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
    with DAG(
        **dag_arguments("complete_checkout", environment, settings, __doc__),
        schedule="*/15 * * * *" if settings.schedule else None,
        max_active_runs=4,
        allowed_run_types=["scheduled", "manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    ) as made:
        step_tasks(environment, settings, COMPLETE_CHECKOUT.steps, final=COMPLETE_CHECKOUT.last.name)
    return made
