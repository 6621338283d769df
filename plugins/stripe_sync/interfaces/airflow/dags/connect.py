"""**Check settings, keys, accounts and integrations of an environment.** Nothing is written.

One DAG per environment: `connect__<environment>`, triggered manually: after a change of settings, keys or account, and
before a lane gets a higher mode. The task fails if a check fails; its log has one line per check, with the fix.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, task

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.setup_tasks import check_environment


def connect_dags() -> list[DAG]:
    """Create `connect__ENVIRONMENT` for every environment."""
    return [connect_dag(environment, settings) for environment, settings in readable().items()]


def connect_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
    with DAG(
        **dag_arguments("connect", environment, settings, __doc__),
        schedule=None,
        allowed_run_types=["manual"],
        default_args=DEFAULTS | {"retries": 0},
    ) as made:

        @task
        def connect() -> Any:
            return check_environment(environment)

        connect()
    return made
