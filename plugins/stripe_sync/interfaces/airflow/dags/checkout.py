"""**Open Stripe's checkout page for a customer and a plan.** The URL is the result of the task `checkout`.

One DAG per environment: `checkout__<environment>`, triggered manually or by REST. After payment the application triggers
`complete_checkout__<environment>` (or calls `stripe-sync complete-checkout`, or the function) with the session's id.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import DAG, Param, task

from stripe_sync.core.config.settings import readable
from stripe_sync.core.settings import Environment
from stripe_sync.interfaces.airflow.dag_arguments import DEFAULTS, dag_arguments
from stripe_sync.interfaces.airflow.steps import perform
from stripe_sync.jobs.checkout.job import CHECKOUT

COUNTS = {"type": "object", "additionalProperties": {"type": "integer", "minimum": 0}}
PARAMS = {
    "customer": Param(type="string", minLength=1, description="The customer's id in Stigg."),
    "plan": Param(type="string", minLength=1, description="The plan's id in Stigg."),
    "success_url": Param(type="string", pattern="^https?://", description="Destination after payment."),
    "cancel_url": Param(
        "", type="string", pattern="^(https?://.*)?$", description="Destination if the customer does not pay."
    ),
    "period": Param("MONTHLY", type="string", enum=["MONTHLY", "ANNUALLY"]),
    "quantities": Param({}, **COUNTS, description="Committed units by feature."),
    "addons": Param({}, **COUNTS, description="Add-ons with their quantities."),
    "coupon": Param("", type="string", description="A coupon's id in Stigg."),
    "country": Param("", type="string", pattern="^([A-Z]{2})?$", description="The country of localized prices."),
    "resource": Param("", type="string", description="The resource of the subscription."),
    "trial_days": Param(
        None,
        type=["null", "integer"],
        minimum=0,
        description="Days of trial, which no page sells yet; the log says so.",
    ),
    "subscription": Param(
        "", type="string", description="The new subscription's id; the same id returns the same checkout page."
    ),
}


def checkout_dags() -> list[DAG]:
    """Create `checkout__ENVIRONMENT` for every environment."""
    return [checkout_dag(environment, settings) for environment, settings in readable().items()]


def checkout_dag(environment: str, settings: Environment) -> DAG:
    """Create the DAG of one environment."""
    with DAG(
        **dag_arguments("checkout", environment, settings, __doc__),
        schedule=None,
        max_active_runs=16,
        allowed_run_types=["manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    ) as made:

        @task
        def checkout() -> Any:
            return perform(environment, CHECKOUT.last, nest="request")["url"]

        checkout()
    return made
