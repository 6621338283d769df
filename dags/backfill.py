"""Takes up what was made or changed in a window: reads everything, plans against the present, and repairs it if told to.

One DAG an environment, named `backfill__<environment>`, started by hand. Its parameters choose which differences are taken up;
what is wanted is always the present, never an old window. It plans only, unless `action` is `repair`, and then the same guards
and limits hold as in `reconcile`; what is over a limit waits, and the next run of `reconcile` asks about it.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import CHOICES, DEFAULTS, common, way_of_the_data

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


def backfill(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("backfill", environment, heading, __doc__),
        schedule=None,
        max_active_runs=1,
        allowed_run_types=["manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    )
    def wiring() -> None:
        way_of_the_data(environment, heading)

    wiring()


for name, heading in settings.readable_headings().items():
    backfill(name, heading)
