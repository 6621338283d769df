"""Compares Stigg with Stripe, plans what to write, writes what the guards allow, verifies it and reports.

One DAG an environment of environments.toml, named `reconcile__<environment>`. Each task is one station of
`stripe_sync/pipeline`; a task that is retried or cleared does nothing twice. Trigger it with `mode` to look without
writing (`observe`) or to have everything wait for approval (`propose`).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Param, TriggerRule, dag, task

from stripe_sync import settings

PARAMS = {
    "mode": Param(
        "as configured",
        type="string",
        enum=["as configured", "propose", "observe"],
        description="At most this bold; never bolder than the environment's own modes.",
    ),
    "entities": Param(
        [],
        type="array",
        items={"type": "string", "enum": ["product", "price", "coupon", "customer", "subscription"]},
        description="Only these kinds; all if empty.",
    ),
    "customers": Param(
        [], type="array", items={"type": "string", "minLength": 1}, description="Only these Stigg customers."
    ),
    "full": Param(default=False, type="boolean", description="Read everything anew (this version always does)."),
}
DEFAULTS = {
    "owner": "billing",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
}


def reconcile(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        dag_id=f"reconcile__{environment}",
        schedule=heading["schedule"],
        start_date=pendulum.datetime(2026, 1, 1, tz="UTC"),
        catchup=False,
        max_active_runs=1,
        allowed_run_types=["scheduled", "manual"],
        dagrun_timeout=timedelta(hours=4),
        params=PARAMS,
        default_args=DEFAULTS,
        doc_md=__doc__,
        tags={"stripe_sync", environment, *heading["tags"]},
    )
    def wiring() -> None:
        from stripe_sync.orchestration.stations import call

        @task
        def preflight() -> Any:
            return call(environment, "preflight")

        @task
        def extract_stigg() -> Any:
            return call(environment, "extract_stigg")

        @task
        def extract_stripe() -> Any:
            return call(environment, "extract_stripe")

        @task
        def check_mirrors(stigg: Any, stripe: Any) -> Any:
            return call(environment, "check_mirrors", stigg=stigg["snapshot"], stripe=stripe["snapshot"])

        @task
        def compare(stigg: Any, stripe: Any) -> Any:
            return call(environment, "compare", stigg=stigg["snapshot"], stripe=stripe["snapshot"])

        @task
        def plan(compared: Any, place: Any) -> Any:
            held = place["held_at_observe"]
            return call(environment, "plan", comparison=compared["comparison"], held_at_observe=held)

        @task
        def check_plan() -> Any:
            return call(environment, "check_plan")

        @task
        def apply() -> Any:
            return call(environment, "apply")

        @task
        def verify() -> Any:
            return call(environment, "verify")

        @task(trigger_rule=TriggerRule.ALL_DONE)
        def report() -> Any:
            return call(environment, "report")

        @task(trigger_rule=TriggerRule.ALL_DONE, retries=0)
        def verdict() -> Any:
            return call(environment, "verdict")

        place = preflight()
        stigg, stripe = extract_stigg(), extract_stripe()
        place >> [stigg, stripe]
        compared = compare(stigg, stripe)
        check_mirrors(stigg, stripe) >> compared
        plan(compared, place) >> check_plan() >> apply() >> verify() >> report() >> verdict()

    wiring()


for name, heading in settings.headings().items():
    reconcile(name, heading)
