"""How each kind of action is sent: one call, under its own idempotency key, after what has to be looked at first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stripe_sync.apply import verification
from stripe_sync.apply.current import check_before, current, path_of, stigg_id, stigg_of
from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources import parameters
from stripe_sync.clients.stripe.client import StripeApi, Written
from stripe_sync.core import keys, ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action

Send = Callable[[StripeApi, Action, Registry, str], Written]
Build = Callable[[Action, Registry], Any]
Service = Callable[[Any], Any]


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
            if refused.reason != ReasonCode.ID_TAKEN or api.find(f"/v1/coupons/{id}") is not None:
                return taken(api, action, registry, id, refused)
    raise RowFailed(
        ReasonCode.ID_TAKEN, f"Stripe refuses the id {params['id']} and those after it, and shows no such coupon."
    )


def make_coupon(api: StripeApi, params: Any, key: str) -> Written:
    return api.write("post /v1/coupons", lambda c, o: c.v1.coupons.create(params, o), idempotency_key=key)


def coupon_ids(action: Action, registry: Registry) -> list[str]:
    """The ids under which a coupon may be made: its own, and the next after deletions."""
    id = registry.natural_id(action.target)
    return [id, *(f"{id}-{n}" for n in range(2, 6))]


def taken(api: StripeApi, action: Action, registry: Registry, id: str, refused: RowFailed) -> Written:
    """An object that is there already, if it carries the mark of this very target. Raises RowFailed ``ID_TAKEN`` else."""
    if refused.reason != ReasonCode.ID_TAKEN:
        raise refused
    there = api.find(f"{path_of(action)}/{id}")
    if (
        there is not None
        and registry.signer.key_of((there.get("metadata") or {}).get(ownership.FIELD)) == action.target
    ):
        return Written(there, None)
    raise RowFailed(ReasonCode.ID_TAKEN, f"A {action.noun} with the id {id} exists and is not ours.") from None


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
        action, registry, verification.subscription(action, held, registry).facts
    )
    return api.write(
        "post /v1/subscriptions/{id}", lambda c, o: c.v1.subscriptions.update(id, params, o), idempotency_key=key
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


def send_stigg_cancel(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Cancel in Stigg what Stripe shows as canceled when it is read by its id once more, and whose customer lives there.

    Stripe ends the subscriptions of a customer that is deleted; that cancels nothing in Stigg.
    """
    linked = keys.link_key("subscription", *action.target.split(":")[1:])
    held = api.get(f"/v1/subscriptions/{registry.resolve(linked)}")
    if held["status"] != "canceled":
        raise RowFailed(ReasonCode.CHANGED_SINCE, f"It is {held['status']} in Stripe by now; plan again.")
    customer = api.find(f"/v1/customers/{held['customer']}")
    if customer is None or customer.get("deleted"):
        raise RowFailed(
            ReasonCode.CUSTOMER_DELETED, f"The Stripe customer {held['customer']} was deleted, which ended it there."
        )
    return Written(stigg_of(registry).cancel(stigg_id(action)), None)


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
