"""Subscriptions in Stigg: provisioned for a checkout, and canceled where Stripe has canceled them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stripe_sync.apply.resource import Call, Handler, Resource
from stripe_sync.apply.resources.stigg_customer import billing_document
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.core import keys
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.inputs import ENDED
from stripe_sync.domain.plan.actions import ActionKind


def _provision(call: Call, key: str) -> Written:
    """Provision a subscription, unless Stigg already has one under this id."""
    there = call.stigg.find_subscription(call.stigg_id)
    return Written(there or call.stigg.provision(dict(call.action.after["how"])), None)


def _recover_provision(call: Call, since: datetime) -> Iterator[Found]:
    there = call.stigg.find_subscription(call.stigg_id)
    if there is not None:
        yield Found(there)


def _cancel(call: Call, key: str) -> Written:
    """Cancel a subscription in Stigg after reading it again in Stripe: it is canceled there, and its customer exists.

    Stripe ends the subscriptions of a deleted customer; these are not canceled in Stigg.
    """
    linked = keys.link_key("subscription", *call.action.target.split(":")[1:])
    held = call.api.get(f"/v1/subscriptions/{call.links.resolve(linked)}")
    if held["status"] != "canceled":
        raise EntityError(ReasonCode.CHANGED_SINCE, f"It is {held['status']} in Stripe now. Create a new plan.")
    customer = call.api.find(f"/v1/customers/{held['customer']}")
    if customer is None or customer.get("deleted"):
        raise EntityError(
            ReasonCode.CUSTOMER_DELETED, f"The Stripe customer {held['customer']} was deleted, which ended it there."
        )
    return Written(call.stigg.cancel(call.stigg_id), None)


def _read(call: Call) -> Found:
    return Found(call.stigg.subscription(call.stigg_id))


def _document(call: Call, found: Found) -> Document:
    return {"ended": True if found.object["status"] in ENDED else None}


PROVISIONED = Resource("stigg", _read, billing_document, instructions=frozenset({"how"}))
CANCELED = Resource("stigg", _read, _document)
HANDLERS = {
    ActionKind.STIGG_PROVISION: Handler(PROVISIONED, _provision, _recover_provision),
    ActionKind.STIGG_CANCEL: Handler(CANCELED, _cancel, CANCELED.recover_update),
}
