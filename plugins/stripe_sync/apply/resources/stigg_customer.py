"""Customers in Stigg: their billing id is set to the Stripe id."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from stripe_sync.apply.resource import Call, Handler, Resource
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import ActionKind


def _set_billing_id(call: Call, key: str) -> Written:
    """Set the billing id of a customer; ``key`` is unused, since Stigg takes no idempotency key.

    Raises EntityError ``CHANGED_SINCE`` where Stigg has another billing id, or no such customer.
    """
    id, given = call.stigg_id, call.links.resolve(call.action.after["billing"])
    there = call.stigg.customer(id)
    if there is None or there["billingId"] not in (None, given):
        raise EntityError(
            ReasonCode.CHANGED_SINCE, f"Stigg has another billing id for {id}, or no such customer. Create a new plan."
        )
    return Written({"id": id, "billingId": call.stigg.set_billing_id(id, given)}, None)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    """Yield the customer if it has the billing id of the write; without a link there is nothing to compare."""
    linked, there = call.links.get(call.action.after["billing"]), call.stigg.customer(call.stigg_id)
    if linked is not None and there is not None and there["billingId"] == linked:
        yield Found(there)


def _read(call: Call) -> Found:
    there = call.stigg.customer(call.stigg_id)
    if there is None:
        raise EntityError(ReasonCode.CHANGED_SINCE, f"Stigg has no customer {call.stigg_id}.")
    return Found(there)


def billing_document(call: Call, found: Found) -> Document:
    """Return the link key of a Stigg object's billing id."""
    known = call.links.decoding_context().key_by_stripe_id
    billing = found.object.get("billingId")
    return {"billing": known.get(billing or "", billing)}


STIGG_CUSTOMER = Resource("stigg", _read, billing_document)
HANDLERS = {ActionKind.STIGG_SET_BILLING_ID: Handler(STIGG_CUSTOMER, _set_billing_id, _recover)}
