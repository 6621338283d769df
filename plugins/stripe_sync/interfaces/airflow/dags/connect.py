"""Checks everything that an environment needs, a line each with the way out; nothing is written.

One DAG an environment, named `connect__<environment>`, started by hand: after its settings, keys or account changed, and before
its lanes get a higher mode. The task fails where a line is a failure; its log has all of them.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.setup_tasks import checked


def connect_dags() -> list[DAG]:
    """Make `connect__ENVIRONMENT` for every environment."""
    return [connect_dag(environment, settings) for environment, settings in readable().items()]


def connect_dag(environment: str, settings: Environment) -> DAG:
    """Make the DAG of one environment."""
    with DAG(
        **dag_arguments("connect", environment, settings, __doc__),
        schedule=None,
        allowed_run_types=["manual"],
        default_args=DEFAULTS | {"retries": 0},
    ) as made:

        @task
        def connect() -> Any:
            return checked(environment)

        connect()
    return made
