"""Gives Stigg what was paid for on a checkout page, and closes the pages that expired.

One DAG an environment, named `complete_checkout__<environment>`. With `session` it completes that one; every quarter of an hour it
completes those for which nobody called. A run with no open page asks nobody anything.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import DEFAULTS, common, told

PARAMS = {
    "session": Param("", type="string", pattern="^(cs_.+)?$", description="One session; every open one if empty.")
}


def complete_checkout(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("complete_checkout", environment, heading, __doc__),
        schedule="*/15 * * * *" if heading["schedule"] else None,
        max_active_runs=4,
        allowed_run_types=["scheduled", "manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    )
    def wiring() -> None:
        from stripe_sync.interfaces.airflow.steps import call

        @task(**told(environment, heading))
        def complete_checkout() -> Any:
            return call(environment, "complete_checkout")

        complete_checkout()

    wiring()


for name, heading in settings.readable_headings().items():
    complete_checkout(name, heading)
