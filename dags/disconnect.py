"""Says what disconnecting an environment would do; with its name as `confirm`, closes its links.

One DAG an environment, named `disconnect__<environment>`, started by hand. Nothing is deleted in Stripe or in Stigg, subscriptions go
on, the journal stays; every lane is paused. `strip` takes our metadata off the objects in Stripe.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import DEFAULTS, common

PARAMS = {
    "confirm": Param("", type="string", description="The environment's name: do it. Empty: only say what it would do."),
    "reason": Param("", type="string", description="Why; it is kept beside what is done."),
    "strip": Param(default=False, type="boolean", description="Take our metadata off the objects in Stripe."),
}


def disconnect(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("disconnect", environment, heading, __doc__),
        schedule=None,
        allowed_run_types=["manual"],
        params=PARAMS,
        default_args=DEFAULTS | {"retries": 0},
    )
    def wiring() -> None:
        from stripe_sync.interfaces.airflow.steps import disconnected

        @task
        def disconnect() -> Any:
            return disconnected(environment)

        disconnect()

    wiring()


for name, heading in settings.readable_headings().items():
    disconnect(name, heading)
