"""Checks everything that an environment needs, a line each with the way out; nothing is written.

One DAG an environment, named `connect__<environment>`, started by hand: after its settings, keys or account changed, and before
its lanes are made bolder. The task fails where a line is a failure; its log has all of them.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import DEFAULTS, common


def connect(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("connect", environment, heading, __doc__),
        schedule=None,
        allowed_run_types=["manual"],
        default_args=DEFAULTS | {"retries": 0},
    )
    def wiring() -> None:
        from stripe_sync.interfaces.airflow.steps import checked

        @task
        def connect() -> Any:
            return checked(environment)

        connect()

    wiring()


for name, heading in settings.readable_headings().items():
    connect(name, heading)
