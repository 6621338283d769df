"""One handler a kind of action: how it is sent, where its target is, and how a lost result is looked for.

An interrupted creation is looked for before it is made again: by its natural id, by its lookup_key, by a list of what
was created since; always with a genuine mark, and never by Search (invariant 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stripe_sync import marker
from stripe_sync.apply import answers, parameters
from stripe_sync.apply.registry import Registry
from stripe_sync.clock import epoch
from stripe_sync.errors import RowFailed
from stripe_sync.plan.actions import Action
from stripe_sync.stripe_api.client import StripeApi, Written

Row = dict[str, Any]
# Clocks of two machines differ; a creation is looked for from this much earlier on.
SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Handler:
    """``path`` is the list that the target's kind lives in; ``candidates`` yields what an interrupted call may have made."""

    path: str
    send: Callable[[StripeApi, Action, Registry, str], Written]
    candidates: Callable[[StripeApi, Action, Registry, datetime], Iterator[Row]]


def current(api: StripeApi, action: Action, registry: Registry) -> Row:
    """The target of an update as Stripe holds it now."""
    return api.get(f"{HANDLERS[action.kind].path}/{registry.resolve(action.target)}")


def check_before(action: Action, held: Row, registry: Registry) -> None:
    """Refuses a change whose before-state no longer holds; the next run plans it anew."""
    wrong = list(answers.mismatches(action.before, answers.document(action, held, registry)))
    if wrong:
        raise RowFailed("CHANGED_SINCE", f"{', '.join(wrong)} changed in Stripe since the plan was made; plan again.")


def send_product_create(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """A product that is already there is taken only with our mark, else the id is taken."""
    params: Any = parameters.product_create(action, registry)
    try:
        return api.write("post /v1/products", lambda c, o: c.v1.products.create(params, o), idempotency_key=key)
    except RowFailed as refused:
        if refused.reason != "ID_TAKEN":
            raise
        there = api.find(f"/v1/products/{params['id']}")
        if there is not None and registry.signer.key_of(there["metadata"].get(marker.FIELD)) == action.target:
            return Written(there, None)
        raise RowFailed("ID_TAKEN", f"A product with the id {params['id']} exists and is not ours.") from None


def send_product_update(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    id = registry.resolve(action.target)
    params: Any = parameters.plain(action, registry)
    return api.write(
        "post /v1/products/{id}",
        lambda c, o: c.v1.products.update(id, params, o),
        idempotency_key=key,
    )


def send_set_default(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    id = registry.resolve(action.target)
    params: Any = parameters.set_default(action, registry)
    return api.write(
        "post /v1/products/{id}",
        lambda c, o: c.v1.products.update(id, params, o),
        idempotency_key=key,
    )


def send_price_create(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    params: Any = parameters.price_create(action, registry)
    return api.write("post /v1/prices", lambda c, o: c.v1.prices.create(params, o), idempotency_key=key)


def send_price_update(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    id = registry.resolve(action.target)
    params: Any = parameters.price_update(action, registry)
    return api.write("post /v1/prices/{id}", lambda c, o: c.v1.prices.update(id, params, o), idempotency_key=key)


def send_customer_create(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    params: Any = parameters.plain(action, registry)
    return api.write("post /v1/customers", lambda c, o: c.v1.customers.create(params, o), idempotency_key=key)


def send_customer_update(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    id = registry.resolve(action.target)
    params: Any = parameters.plain(action, registry)
    return api.write("post /v1/customers/{id}", lambda c, o: c.v1.customers.update(id, params, o), idempotency_key=key)


def send_subscription_create(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    params: Any = parameters.subscription_create(action, registry)
    return api.write("post /v1/subscriptions", lambda c, o: c.v1.subscriptions.create(params, o), idempotency_key=key)


def send_subscription_update(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Reads the subscription first: for the ids of its items, and to refuse if it is not as the plan saw it."""
    held = current(api, action, registry)
    check_before(action, held, registry)
    id = registry.resolve(action.target)
    params: Any = parameters.subscription_update(action, registry, answers.item_ids(action, held, registry))
    return api.write(
        "post /v1/subscriptions/{id}", lambda c, o: c.v1.subscriptions.update(id, params, o), idempotency_key=key
    )


def product_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    found = api.find(f"/v1/products/{action.target.partition(':')[2]}")
    if found is not None:
        yield found


def price_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    product = registry.get(action.after["product"])
    if product is not None:
        for active in (True, False):
            yield from listed(api, "/v1/prices", since, product=product, active=active)


def customer_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    yield from listed(api, "/v1/customers", since)


def subscription_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    customer = registry.get(action.after["customer"])
    if customer is not None:
        yield from listed(api, "/v1/subscriptions", since, customer=customer, status="all")


def updated(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    """An update has left its trace if the target is as wanted."""
    held = current(api, action, registry)
    if not list(answers.mismatches(action.after, answers.document(action, held, registry))):
        yield held


def listed(api: StripeApi, path: str, since: datetime, **filters: Any) -> Iterator[Row]:
    for page in api.pages(path, created={"gte": epoch(since - SKEW)}, **filters):
        yield from page


def made_by(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Row | None:
    """The object that an interrupted call left, or None. A created one must carry the genuine mark of its target."""
    for row in HANDLERS[action.kind].candidates(api, action, registry, since):
        marked = registry.signer.key_of((row.get("metadata") or {}).get(marker.FIELD)) == action.target
        if marked or not action.kind.endswith(".create"):
            return row
    return None


HANDLERS: Mapping[str, Handler] = {
    "product.create": Handler("/v1/products", send_product_create, product_candidates),
    "product.update": Handler("/v1/products", send_product_update, updated),
    "product.set_default": Handler("/v1/products", send_set_default, updated),
    "price.create": Handler("/v1/prices", send_price_create, price_candidates),
    "price.update": Handler("/v1/prices", send_price_update, updated),
    "price.archive": Handler("/v1/prices", send_price_update, updated),
    "customer.create": Handler("/v1/customers", send_customer_create, customer_candidates),
    "customer.update": Handler("/v1/customers", send_customer_update, updated),
    "subscription.create": Handler("/v1/subscriptions", send_subscription_create, subscription_candidates),
    "subscription.update": Handler("/v1/subscriptions", send_subscription_update, updated),
}
