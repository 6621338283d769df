"""Opens Stripe's checkout page for a customer and a plan; the URL is the result of the task `checkout`.

One DAG an environment, named `checkout__<environment>`, started by hand or by REST. When the customer has paid, the application
calls `complete_checkout__<environment>` (or `stripe-sync complete-checkout`, or the function) with the session's id.
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
    "success_url": Param(type="string", pattern="^https?://", description="Where the customer goes who has paid."),
    "cancel_url": Param(
        "", type="string", pattern="^(https?://.*)?$", description="Where the customer goes who has not."
    ),
    "period": Param("MONTHLY", type="string", enum=["MONTHLY", "ANNUALLY"]),
    "quantities": Param({}, **COUNTS, description="Committed units by feature."),
    "addons": Param({}, **COUNTS, description="Add-ons and how many of each."),
    "coupon": Param("", type="string", description="A coupon's id in Stigg."),
    "country": Param("", type="string", pattern="^([A-Z]{2})?$", description="The country whose prices are sold."),
    "resource": Param("", type="string", description="The resource that is subscribed."),
    "trial_days": Param(None, type=["null", "integer"], minimum=0, description="The plan's own trial if it is empty."),
    "subscription": Param(
        "", type="string", description="The id of the subscription to be; the same id, the same page."
    ),
}


def checkout_dags() -> list[DAG]:
    """Make `checkout__ENVIRONMENT` for every environment."""
    return [checkout_dag(environment, settings) for environment, settings in readable().items()]


def checkout_dag(environment: str, settings: Environment) -> DAG:
    """Make the DAG of one environment."""
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
