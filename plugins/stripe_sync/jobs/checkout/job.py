"""Steps of the checkout jobs: open Stripe's checkout page, and create the paid subscription in Stigg."""

from __future__ import annotations

from stripe_sync.jobs.runtime.step_list import Job, Step

CHECKOUT = Job("checkout", (Step(name="checkout", function="checkout.steps.checkout:checkout"),))
COMPLETE_CHECKOUT = Job(
    "complete_checkout", (Step(name="complete_checkout", function="checkout.steps.checkout:complete_checkout"),)
)
