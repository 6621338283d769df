"""One handler a kind of action: how it is sent, where its target is, and how a lost result is looked for.

An interrupted creation is looked for before it is made again: by its natural id, by its lookup_key, by a list of what
was created since; always with a genuine mark, and never by Search (invariant 4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast

from stripe_sync import keys, marker
from stripe_sync.apply import answers, parameters
from stripe_sync.apply.registry import Registry
from stripe_sync.clock import epoch
from stripe_sync.errors import RowFailed
from stripe_sync.plan.actions import Action
from stripe_sync.stigg_api.client import StiggApi
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
    """The target of an update as it is now, with the parts that Stripe leaves out unless asked."""
    if action.kind.startswith("stigg."):
        return stigg_of(registry).subscription(stigg_id(action))
    path = f"{HANDLERS[action.kind].path}/{registry.resolve(action.target)}"
    expand = {"subscription": ["discounts"], "schedule": ["discounts"], "price": ["tiers"]}
    asked = expand.get(action.kind.partition(".")[0])
    return api.get(path, expand=asked) if asked else api.get(path)


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
        return taken(api, action, registry, params["id"], refused)


def send_coupon_create(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """A coupon under its own id; where Stripe keeps the id of a deleted one, under the next (docs/unknowns.md)."""
    params: Any = parameters.coupon_create(action, registry)
    for number, id in enumerate(coupon_ids(action, registry)):
        own_key = f"{key}-{number}" if number else key
        try:
            return make_coupon(api, params | {"id": id}, own_key)
        except RowFailed as refused:
            if refused.reason != "ID_TAKEN" or api.find(f"/v1/coupons/{id}") is not None:
                return taken(api, action, registry, id, refused)
    raise RowFailed("ID_TAKEN", f"Stripe refuses the id {params['id']} and those after it, and shows no such coupon.")


def make_coupon(api: StripeApi, params: Any, key: str) -> Written:
    return api.write("post /v1/coupons", lambda c, o: c.v1.coupons.create(params, o), idempotency_key=key)


def coupon_ids(action: Action, registry: Registry) -> list[str]:
    """The ids under which a coupon may be made: its own, and the next after deletions."""
    id = registry.natural_id(action.target)
    return [id, *(f"{id}-{n}" for n in range(2, 6))]


def taken(api: StripeApi, action: Action, registry: Registry, id: str, refused: RowFailed) -> Written:
    """An object that is there already, if it carries the mark of this very target. Raises RowFailed ``ID_TAKEN`` else."""
    if refused.reason != "ID_TAKEN":
        raise refused
    there = api.find(f"{HANDLERS[action.kind].path}/{id}")
    if there is not None and registry.signer.key_of((there.get("metadata") or {}).get(marker.FIELD)) == action.target:
        return Written(there, None)
    noun = action.kind.partition(".")[0]
    raise RowFailed("ID_TAKEN", f"A {noun} with the id {id} exists and is not ours.") from None


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
    """Reads the subscription first: for the ids of its items and discounts, and to refuse if it is not as planned."""
    held = current(api, action, registry)
    check_before(action, held, registry)
    id = registry.resolve(action.target)
    params: Any = parameters.subscription_update(
        action, registry, answers.item_ids(action, held, registry), answers.discounts(action, held, registry)
    )
    return api.write(
        "post /v1/subscriptions/{id}", lambda c, o: c.v1.subscriptions.update(id, params, o), idempotency_key=key
    )


def send_subscription_cancel(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Ends a subscription that still bills what the plan saw; one that ended already is done."""
    held = current(api, action, registry)
    if held["status"] in ("canceled", "incomplete_expired"):
        return Written(held, None)
    check_before(action, held, registry)
    id, params = registry.resolve(action.target), parameters.subscription_cancel(action)
    return api.write(
        "delete /v1/subscriptions/{id}",
        lambda c, o: c.v1.subscriptions.cancel(id, cast(Any, params), o),
        idempotency_key=key,
    )


def send_schedule_release(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Releases the schedule that the plan saw; the answer is the subscription, which goes on without it."""
    held = current(api, action, registry)
    check_before(action, held, registry)
    schedule = held["schedule"]
    written = api.write(
        "post /v1/subscription_schedules/{id}/release",
        lambda c, o: c.v1.subscription_schedules.release(schedule, {}, o),
        idempotency_key=key,
    )
    return Written(current(api, action, registry), written.request_id)


def send_coupon_delete(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Deletes a coupon of ours; one that is gone already is done."""
    id = registry.resolve(action.target)
    if api.find(f"/v1/coupons/{id}") is None:
        return Written({"id": id, "object": "coupon", "deleted": True}, None)
    return api.write("delete /v1/coupons/{id}", lambda c, o: c.v1.coupons.delete(id, {}, o), idempotency_key=key)


def stigg_of(registry: Registry) -> StiggApi:
    assert registry.stigg is not None, "actions in Stigg need a client for it"
    return registry.stigg


def stigg_id(action: Action) -> str:
    return keys.entity_of(action.target)[1]


def send_stigg_cancel(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Reads the Stripe subscription by its id once more: only one that is canceled there is canceled in Stigg."""
    linked = keys.link_key("subscription", *action.target.split(":")[1:])
    held = api.get(f"/v1/subscriptions/{registry.resolve(linked)}")
    if held["status"] != "canceled":
        raise RowFailed("CHANGED_SINCE", f"It is {held['status']} in Stripe by now; plan again.")
    return Written(stigg_of(registry).cancel(stigg_id(action)), None)


def coupon_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    for id in coupon_ids(action, registry):
        found = api.find(f"/v1/coupons/{id}")
        if found is not None:
            yield found


def coupon_deleted(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    id = registry.resolve(action.target)
    if api.find(f"/v1/coupons/{id}") is None:
        yield {"id": id, "object": "coupon", "deleted": True}


def invoice_item_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    customer = registry.get(action.after["customer"])
    if customer is not None:
        yield from listed(api, "/v1/invoiceitems", since, customer=customer)


def product_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    found = api.find(f"/v1/products/{registry.natural_id(action.target)}")
    if found is not None:
        yield found


def price_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    product = registry.get(action.after["product"])
    if product is not None:
        for active in (True, False):
            yield from listed(api, "/v1/prices", since, product=product, active=active, expand=["data.tiers"])


def customer_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    yield from listed(api, "/v1/customers", since)


def subscription_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    customer = registry.get(action.after["customer"])
    if customer is not None:
        yield from listed(api, "/v1/subscriptions", since, customer=customer, status="all", expand=["data.discounts"])


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


PRODUCTS, PRICES, COUPONS = "/v1/products", "/v1/prices", "/v1/coupons"
CUSTOMERS, SUBSCRIPTIONS, INVOICE_ITEMS = "/v1/customers", "/v1/subscriptions", "/v1/invoiceitems"


def products(client: Any) -> Any:
    return client.v1.products


def prices(client: Any) -> Any:
    return client.v1.prices


def customers(client: Any) -> Any:
    return client.v1.customers


def subscriptions(client: Any) -> Any:
    return client.v1.subscriptions


def coupons(client: Any) -> Any:
    return client.v1.coupons


def invoice_items(client: Any) -> Any:
    return client.v1.invoice_items


HANDLERS: Mapping[str, Handler] = {
    "product.create": Handler(PRODUCTS, send_product_create, product_candidates),
    "product.update": Handler(PRODUCTS, updating(PRODUCTS, products, parameters.plain), updated),
    "product.set_default": Handler(PRODUCTS, updating(PRODUCTS, products, parameters.set_default), updated),
    "price.create": Handler(PRICES, creating(PRICES, prices, parameters.price_create), price_candidates),
    "price.update": Handler(PRICES, updating(PRICES, prices, parameters.price_update), updated),
    "price.archive": Handler(PRICES, updating(PRICES, prices, parameters.price_update), updated),
    "price.retire": Handler(PRICES, updating(PRICES, prices, parameters.price_update), updated),
    "product.retire": Handler(PRODUCTS, updating(PRODUCTS, products, parameters.plain), updated),
    "coupon.create": Handler(COUPONS, send_coupon_create, coupon_candidates),
    "coupon.update": Handler(COUPONS, updating(COUPONS, coupons, parameters.plain), updated),
    "coupon.delete": Handler(COUPONS, send_coupon_delete, coupon_deleted),
    "customer.create": Handler(CUSTOMERS, creating(CUSTOMERS, customers, parameters.plain), customer_candidates),
    "customer.update": Handler(CUSTOMERS, updating(CUSTOMERS, customers, parameters.plain), updated),
    "subscription.create": Handler(
        SUBSCRIPTIONS, creating(SUBSCRIPTIONS, subscriptions, parameters.subscription_create), subscription_candidates
    ),
    "stigg.cancel": Handler("", send_stigg_cancel, updated),
    "schedule.release": Handler(SUBSCRIPTIONS, send_schedule_release, updated),
    "invoiceitem.create": Handler(
        INVOICE_ITEMS,
        creating(INVOICE_ITEMS, invoice_items, parameters.invoice_item_create),
        invoice_item_candidates,
    ),
    "subscription.update": Handler(SUBSCRIPTIONS, send_subscription_update, updated),
    "subscription.cancel": Handler(SUBSCRIPTIONS, send_subscription_cancel, updated),
}
