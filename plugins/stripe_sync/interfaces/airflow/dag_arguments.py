"""Arguments that DAGs and tasks have in common. Nothing heavy is imported here."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pendulum
from airflow.sdk import Asset, Param, TriggerRule

from stripe_sync.core.settings import Environment

START = pendulum.datetime(2026, 1, 1, tz="UTC")
DEFAULTS = {
    "owner": "billing",
    "retries": 3,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "execution_timeout": timedelta(hours=1),
}


# Parameters of a run that is triggered manually.
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


def dag_arguments(job: str, environment: str, settings: Environment, doc: str | None) -> dict[str, Any]:
    """Return the arguments of every DAG of an environment: its id, start date, no catch-up, its page and tags."""
    return {
        "dag_id": f"{job}__{environment}",
        "start_date": START,
        "catchup": False,
        "doc_md": doc,
        "tags": {"stripe_sync", environment, *settings.tags},
    }


def asset(environment: str, name: str) -> Asset:
    """Return the asset that others schedule on: drift, plan, usage or report of an environment."""
    return Asset(name=f"stripe_sync/{environment}/{name}", uri=f"stripe-sync://{environment}/{name}")


def pool_arguments(settings: Environment) -> dict[str, Any]:
    """Return the arguments of a task that writes: it queues in the account's pool where the settings name one."""
    return {"pool": settings.stripe.write_pool} if settings.stripe.write_pool else {}


def final_task_args(environment: str, settings: Environment) -> dict[str, Any]:
    """Return the arguments of a run's last task: it has no retries and sends the alerts that the settings name."""
    from stripe_sync.interfaces.airflow.notifiers import on_failure

    return {
        "trigger_rule": TriggerRule.ALL_DONE,
        "retries": 0,
        "on_failure_callback": on_failure(environment, settings),
    }
