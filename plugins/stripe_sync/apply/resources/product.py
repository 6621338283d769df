"""Products: the pipeline chooses their id, so that none is created twice."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET, structs

from stripe_sync.apply.resource import (
    Call,
    Handler,
    Resource,
    change,
    existing,
    field_metadata,
    field_text,
    reader,
    without_marker,
)
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.parameters.catalog import NewProduct, ProductChange
from stripe_sync.clients.stripe.parameters.encoding import CLEARED
from stripe_sync.core.decoding import from_stripe
from stripe_sync.core.errors import EntityError
from stripe_sync.domain.actual import stripe_objects
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.stripe import StripeProduct
from stripe_sync.domain.plan.actions import ActionKind


def _changes(call: Call) -> ProductChange:
    return ProductChange(
        name=field_text(call, "name"),
        active=call.action.after.get("active", UNSET),
        tax_code=field_text(call, "tax_code"),
        metadata=field_metadata(call),
    )


def _parameters(call: Call) -> NewProduct:
    return NewProduct(id=call.links.natural_id(call.action.target), **structs.asdict(_changes(call)))


def _default_price(call: Call) -> ProductChange:
    default = call.action.after["default_price"]
    return ProductChange(default_price=call.links.resolve(default) if default else CLEARED)


def _create(call: Call, key: str) -> Written:
    """Create the product, or return an existing one with our ownership marker. Raises EntityError ``ID_TAKEN`` for a foreign one."""
    params = _parameters(call)
    try:
        return PRODUCTS.create(call.api, params, key=key)
    except EntityError as refused:
        return existing(call, PRODUCTS, id=params.id, refused=refused)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    found = PRODUCTS.find(call.api, call.links.natural_id(call.action.target))
    if found is not None:
        yield found


def _document(call: Call, found: Found) -> Document:
    product, context = from_stripe(found.object, StripeProduct), call.links.decoding_context()
    default = context.key_by_stripe_id.get(product.default_price or "", product.default_price)
    document = stripe_objects.product_document(context, product, call.action.target).document
    return document | {"default_price": default}


PRODUCTS = Collection("product", PATHS["product"], lambda client: client.v1.products)
PRODUCT = Resource("product", reader(PRODUCTS), _document, instructions=frozenset({"how"}))
HANDLERS = {
    ActionKind.PRODUCT_CREATE: Handler(PRODUCT, _create, _recover),
    ActionKind.PRODUCT_UPDATE: change(PRODUCT, PRODUCTS, _changes),
    ActionKind.PRODUCT_SET_DEFAULT: change(PRODUCT, PRODUCTS, _default_price),
    ActionKind.PRODUCT_RETIRE: change(PRODUCT, PRODUCTS, _changes),
    ActionKind.PRODUCT_STRIP: change(PRODUCT, PRODUCTS, without_marker),
}
