"""Says what disconnecting an environment would do; with its name as `confirm`, closes its links.

One DAG an environment, named `disconnect__<environment>`, started by hand. Nothing is deleted in Stripe or in Stigg, subscriptions go
on, the journal stays; every lane is paused. `strip` takes our metadata off the objects in Stripe.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.setup_tasks import disconnected

PARAMS = {
    "confirm": Param("", type="string", description="The environment's name: do it. Empty: only say what it would do."),
    "reason": Param("", type="string", description="The reason; it is stored with the action."),
    "strip": Param(default=False, type="boolean", description="Take our metadata off the objects in Stripe."),
}


def disconnect_dags() -> list[DAG]:
    """Make `disconnect__ENVIRONMENT` for every environment."""
    return [disconnect_dag(environment, settings) for environment, settings in readable().items()]


def disconnect_dag(environment: str, settings: Environment) -> DAG:
    """Make the DAG of one environment."""
    with DAG(
        **dag_arguments("disconnect", environment, settings, __doc__),
        schedule=None,
        allowed_run_types=["manual"],
        params=PARAMS,
        default_args=DEFAULTS | {"retries": 0},
    ) as made:

        @task
        def disconnect() -> Any:
            return disconnected(environment)

        disconnect()
    return made
