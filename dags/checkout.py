"""Opens Stripe's checkout page for a customer and a plan; the URL is the result of the task `checkout`.

One DAG an environment, named `checkout__<environment>`, started by hand or by REST. When the customer has paid, the application
calls `complete_checkout__<environment>` (or `stripe-sync complete-checkout`, or the function) with the session's id.
"""

from __future__ import annotations

from typing import Any

from airflow.sdk import Param, dag, task

from stripe_sync.core import settings
from stripe_sync.interfaces.airflow.wiring import DEFAULTS, common

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


def checkout(environment: str, heading: dict[str, Any]) -> None:
    """The DAG of one environment."""

    @dag(
        **common("checkout", environment, heading, __doc__),
        schedule=None,
        max_active_runs=16,
        allowed_run_types=["manual"],
        params=PARAMS,
        default_args=DEFAULTS,
    )
    def wiring() -> None:
        from stripe_sync.interfaces.airflow.steps import call

        @task
        def checkout() -> Any:
            return call(environment, "checkout", nest="request")["url"]

        checkout()

    wiring()


for name, heading in settings.readable_headings().items():
    checkout(name, heading)
