"""Refusal of a second paid subscription of one product and resource, which would bill twice (BILLING 14)."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stripe_sync.domain.actual.successors import product_of, resource_of
from stripe_sync.domain.checkout.request import CheckoutRequest, published
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stigg import Package, Subscription
from stripe_sync.domain.model.stigg_status import StiggStatus

BILLED = frozenset({StiggStatus.ACTIVE, StiggStatus.NOT_STARTED, StiggStatus.PAYMENT_PENDING})


def living(inputs: Inputs, request: CheckoutRequest) -> Subscription | None:
    """Return the living paid subscription of the customer for the product and resource of a request; None without one.

    A trial counts only if it is in Stripe, where it will be billed.
    """
    product = _product(published(inputs.stigg.plans, "plan", request.plan))
    for subscription in inputs.stigg.subscriptions:
        if subscription.customer.customer_id != request.customer or subscription.pricing_type != "PAID":
            continue
        in_stripe = inputs.link_key("subscription", subscription.subscription_id) in inputs.links.ids
        is_billed = subscription.status in BILLED or (subscription.status == StiggStatus.IN_TRIAL and in_stripe)
        same = product_of(subscription) == product and (resource_of(subscription) or "") == request.resource
        if is_billed and same:
            return subscription
    return None


def same_sales(inputs: Inputs, request: CheckoutRequest, others: Iterable[CheckoutRequest]) -> list[CheckoutRequest]:
    """Return the requests of other pages that sell the same product and resource to the same customer."""
    plans = {plan.ref_id for plan in _plans_of(inputs.stigg.plans, request)}
    return [
        other
        for other in others
        if other.customer == request.customer and other.resource == request.resource and other.plan in plans
    ]


def _plans_of(plans: Collection[Package], request: CheckoutRequest) -> Iterable[Package]:
    """Return the plans of the product of a request, in each version."""
    product = _product(published(list(plans), "plan", request.plan))
    return (plan for plan in plans if _product(plan) == product)


def _product(plan: Package) -> str | None:
    return plan.product.ref_id if plan.product else None
