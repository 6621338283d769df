"""What an interrupted call may have left: looked for by natural id, by lookup in a list of what was created since.

A creation counts only with a genuine mark, and Search is never asked (invariant 4).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from stripe_sync.apply import verification
from stripe_sync.apply.current import Row, current
from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources.sending import coupon_ids
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import in_list
from stripe_sync.core.clock import epoch
from stripe_sync.domain.plan.actions import Action

# Clocks of two machines differ; a creation is looked for from this much earlier on.
SKEW = timedelta(hours=1)


def product_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    found = api.find(f"/v1/products/{registry.natural_id(action.target)}")
    if found is not None:
        yield found


def price_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    product = registry.get(action.after["product"])
    if product is not None:
        for active in (True, False):
            yield from listed(api, "/v1/prices", since, product=product, active=active, expand=in_list("price"))


def coupon_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    for id in coupon_ids(action, registry):
        found = api.find(f"/v1/coupons/{id}")
        if found is not None:
            yield found


def coupon_deleted(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    id = registry.resolve(action.target)
    if api.find(f"/v1/coupons/{id}") is None:
        yield {"id": id, "object": "coupon", "deleted": True}


def customer_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    yield from listed(api, "/v1/customers", since, expand=in_list("customer"))


def subscription_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    customer = registry.get(action.after["customer"])
    if customer is not None:
        yield from listed(
            api, "/v1/subscriptions", since, customer=customer, status="all", expand=in_list("subscription")
        )


def invoice_item_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    customer = registry.get(action.after["customer"])
    if customer is not None:
        yield from listed(api, "/v1/invoiceitems", since, customer=customer)


def updated(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    """An update has left its trace if the target is as wanted."""
    held = current(api, action, registry)
    if not list(verification.mismatches(action.after, verification.document(action, held, registry))):
        yield held


def listed(api: StripeApi, path: str, since: datetime, **filters: Any) -> Iterator[Row]:
    for page in api.pages(path, created={"gte": epoch(since - SKEW)}, **filters):
        yield from page
