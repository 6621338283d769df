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
Send = Callable[[StripeApi, Action, Registry, str], Written]
Build = Callable[[Action, Registry], Any]
Service = Callable[[Any], Any]
# Clocks of two machines differ; a creation is looked for from this much earlier on.
SKEW = timedelta(hours=1)


@dataclass(frozen=True)
class Handler:
    """``path`` is the list that the target's kind lives in; ``candidates`` yields what an interrupted call may have made."""

    path: str
    send: Send
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


def creating(path: str, service: Service, build: Build) -> Send:
    """How objects of a list are made."""

    def send(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
        params = build(action, registry)
        return api.write(f"post {path}", lambda c, o: service(c).create(params, o), idempotency_key=key)

    return send


def updating(path: str, service: Service, build: Build) -> Send:
    """How objects of a list are changed, by id."""

    def send(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
        id, params = registry.resolve(action.target), build(action, registry)
        return api.write(f"post {path}/{{id}}", lambda c, o: service(c).update(id, params, o), idempotency_key=key)

    return send


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


PRODUCTS, PRICES, CUSTOMERS, SUBSCRIPTIONS = "/v1/products", "/v1/prices", "/v1/customers", "/v1/subscriptions"


def products(client: Any) -> Any:
    return client.v1.products


def prices(client: Any) -> Any:
    return client.v1.prices


def customers(client: Any) -> Any:
    return client.v1.customers


def subscriptions(client: Any) -> Any:
    return client.v1.subscriptions


HANDLERS: Mapping[str, Handler] = {
    "product.create": Handler(PRODUCTS, send_product_create, product_candidates),
    "product.update": Handler(PRODUCTS, updating(PRODUCTS, products, parameters.plain), updated),
    "product.set_default": Handler(PRODUCTS, updating(PRODUCTS, products, parameters.set_default), updated),
    "price.create": Handler(PRICES, creating(PRICES, prices, parameters.price_create), price_candidates),
    "price.update": Handler(PRICES, updating(PRICES, prices, parameters.price_update), updated),
    "price.archive": Handler(PRICES, updating(PRICES, prices, parameters.price_update), updated),
    "customer.create": Handler(CUSTOMERS, creating(CUSTOMERS, customers, parameters.plain), customer_candidates),
    "customer.update": Handler(CUSTOMERS, updating(CUSTOMERS, customers, parameters.plain), updated),
    "subscription.create": Handler(
        SUBSCRIPTIONS, creating(SUBSCRIPTIONS, subscriptions, parameters.subscription_create), subscription_candidates
    ),
    "subscription.update": Handler(SUBSCRIPTIONS, send_subscription_update, updated),
}
