"""The way of the data as tasks: what the DAGs reconcile and apply have in common. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Asset, Param, TriggerRule, task

DEFAULTS = {
    "owner": "billing",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
}


# What a person may choose from when a run is started by hand.
CHOICES = {
    "entities": Param(
        [],
        type="array",
        items={"type": "string", "enum": ["product", "price", "coupon", "customer", "subscription"]},
        description="Only these kinds; all if empty.",
    ),
    "customers": Param(
        [], type="array", items={"type": "string", "minLength": 1}, description="Only these Stigg customers."
    ),
}


def common(job: str, environment: str, heading: Mapping[str, Any], doc: str | None) -> dict[str, Any]:
    """What every DAG of an environment has alike: its name, when its time begins, no catching up, its page, its tags."""
    return {
        "dag_id": f"{job}__{environment}",
        "start_date": pendulum.datetime(2026, 1, 1, tz="UTC"),
        "catchup": False,
        "doc_md": doc,
        "tags": {"stripe_sync", environment, *heading["tags"]},
    }


def asset(environment: str, what: str) -> Asset:
    """What a DAG made anew, for others to be scheduled on: drift, plan, usage or report of an environment."""
    return Asset(name=f"stripe_sync/{environment}/{what}", uri=f"stripe-sync://{environment}/{what}")


def writing(heading: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a task that writes: it queues in the account's pool, where the settings name one."""
    return {"pool": heading["write_pool"]} if heading["write_pool"] else {}


def told(environment: str, heading: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a run's last task: it fails at once, and tells whom the settings name."""
    from stripe_sync.interfaces.airflow.notifiers import on_failure

    return {"trigger_rule": TriggerRule.ALL_DONE, "retries": 0, "on_failure_callback": on_failure(environment, heading)}


def way_of_the_data(environment: str, heading: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """The stations of a run as tasks: (the first, the gate after the plan, the report)."""
    from stripe_sync.interfaces.airflow.links import DRIFT, PLAN, STRIPE, linked
    from stripe_sync.interfaces.airflow.steps import call

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

    @task(outlets=[asset(environment, "drift")])
    def compare(stigg: Any, stripe: Any) -> Any:
        return call(environment, "compare", outlet="drift", stigg=stigg["snapshot"], stripe=stripe["snapshot"])

    @task(outlets=[asset(environment, "plan")])
    def plan(compared: Any, place: Any) -> Any:
        held, comparison = place["held_at_observe"], compared["comparison"]
        return call(environment, "plan", outlet="plan", comparison=comparison, held_at_observe=held)

    @task
    def check_plan() -> Any:
        return call(environment, "check_plan")

    @task(priority_weight=10, **writing(heading))
    def apply() -> Any:
        return call(environment, "apply")

    @task
    def verify() -> Any:
        return call(environment, "verify")

    @task(trigger_rule=TriggerRule.ALL_DONE)
    def report() -> Any:
        return call(environment, "report")

    @task(**told(environment, heading))
    def verdict() -> Any:
        return call(environment, "verdict")

    place = preflight()
    stigg, stripe = extract_stigg(), extract_stripe()
    place >> [stigg, stripe]
    compared = linked(compare(stigg, stripe), DRIFT, STRIPE)
    check_mirrors(stigg, stripe) >> compared
    checked, reported = linked(check_plan(), PLAN), report()
    planned, applied = linked(plan(compared, place), PLAN), linked(apply(), PLAN, STRIPE)
    planned >> checked >> applied >> verify() >> reported >> verdict()
    return place, checked, reported
