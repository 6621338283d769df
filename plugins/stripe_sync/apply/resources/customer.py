"""Customers: new ones are created on the environment's test clock, if it has one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET, structs

from stripe_sync.apply.resource import (
    Call,
    Handler,
    Resource,
    change,
    field_metadata,
    field_text,
    reader,
    without_marker,
)
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS, in_list
from stripe_sync.clients.stripe.parameters.catalog import CustomerChange, NewCustomer
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual import stripe_objects
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.stripe import StripeCustomer
from stripe_sync.domain.plan.actions import ActionKind


def _changes(call: Call) -> CustomerChange:
    return CustomerChange(
        name=field_text(call, "name"),
        description=field_text(call, "description"),
        email=field_text(call, "email"),
        metadata=field_metadata(call),
    )


def _parameters(call: Call) -> NewCustomer:
    return NewCustomer(test_clock=call.links.test_clock or UNSET, **structs.asdict(_changes(call)))


def _create(call: Call, key: str) -> Written:
    return CUSTOMERS.create(call.api, _parameters(call), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    return CUSTOMERS.created_since(call.api, since, expand=in_list("customer"))


def _document(call: Call, found: Found) -> Document:
    return stripe_objects.customer_document(
        call.links.decoding_context(), from_stripe(found.object, StripeCustomer), call.action.target
    ).document


CUSTOMERS = Collection("customer", PATHS["customer"], lambda client: client.v1.customers)
CUSTOMER = Resource("customer", reader(CUSTOMERS), _document, instructions=frozenset({"how"}))
HANDLERS = {
    ActionKind.CUSTOMER_CREATE: Handler(CUSTOMER, _create, _recover),
    ActionKind.CUSTOMER_UPDATE: change(CUSTOMER, CUSTOMERS, _changes),
    ActionKind.CUSTOMER_STRIP: change(CUSTOMER, CUSTOMERS, without_marker),
}
