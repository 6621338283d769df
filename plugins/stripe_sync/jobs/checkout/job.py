"""The checkout jobs: one step opens Stripe's page, one gives Stigg what was paid for there."""

from __future__ import annotations

from stripe_sync.jobs.runtime.step_list import Job, Step

CHECKOUT = Job("checkout", (Step(name="checkout", function="checkout.steps.checkout:checkout"),))
COMPLETE_CHECKOUT = Job(
    "complete_checkout", (Step(name="complete_checkout", function="checkout.steps.checkout:complete_checkout"),)
)
