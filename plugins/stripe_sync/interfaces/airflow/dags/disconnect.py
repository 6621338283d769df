"""**Show the effects of disconnecting an environment; with its name as `confirm`, end its links.**

One DAG per environment: `disconnect__<environment>`, triggered manually. Nothing is deleted in Stripe or Stigg,
subscriptions continue, the journal is kept, and every lane is paused. `strip` removes our metadata from the objects in Stripe.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.setup_tasks import disconnect_environment

PARAMS = {
    "confirm": Param(
        "", type="string", description="The environment's name: disconnect it. Empty: only show the effects."
    ),
    "reason": Param("", type="string", description="The reason; it is stored with the action."),
    "strip": Param(default=False, type="boolean", description="Remove our metadata from the objects in Stripe."),
}


def disconnect_dags() -> list[DAG]:
    """Create `disconnect__ENVIRONMENT` for every environment."""
    return [disconnect_dag(environment, settings) for environment, settings in readable().items()]


def disconnect_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
    with DAG(
        **dag_arguments("disconnect", environment, settings, __doc__),
        schedule=None,
        allowed_run_types=["manual"],
        params=PARAMS,
        default_args=DEFAULTS | {"retries": 0},
    ) as made:

        @task
        def disconnect() -> Any:
            return disconnect_environment(environment)

        disconnect()
    return made
