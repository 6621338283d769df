"""Prices: their content is immutable in Stripe, so each version is a separate price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from msgspec import UNSET, UnsetType

from stripe_sync.apply.resource import (
    Call,
    Handler,
    Resource,
    change,
    field_metadata,
    field_text,
    metadata,
    reader,
    without_marker,
)
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS, in_list
from stripe_sync.clients.stripe.parameters.catalog import (
    NewPrice,
    PriceChange,
    RecurringParams,
    TierParams,
    TransformQuantityParams,
)
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual import stripe_objects
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.stripe import StripePrice
from stripe_sync.domain.plan.actions import Action, ActionKind


def _parameters(call: Call) -> NewPrice:
    """Return the parameters of a new price; it takes over the lookup_key in the same call. The answer includes the tiers."""
    after = call.action.after
    is_tiered = "tiers" in after
    return NewPrice(
        currency=after["currency"],
        product=call.links.resolve(after["product"]),
        billing_scheme=after["billing_scheme"],
        metadata=metadata(after["metadata"], call.links),
        recurring=_recurring(call.action),
        tiers_mode=after["tiers_mode"] if is_tiered else UNSET,
        tiers=[_tier(part) for part in after["tiers"]] if is_tiered else UNSET,
        unit_amount_decimal=UNSET if is_tiered else after["unit_amount"],
        transform_quantity=_packages(after["divide_by"]) if "divide_by" in after else UNSET,
        tax_behavior=after.get("tax_behavior", UNSET),
        lookup_key=field_text(call, "lookup_key"),
        transfer_lookup_key=_takes_key(call.action),
    )


def _recurring(action: Action) -> RecurringParams | UnsetType:
    """Return the interval of a price, which a one-off price has not."""
    after = action.after
    if "interval" not in after:
        return UNSET
    return RecurringParams(
        interval=after["interval"],
        interval_count=int(after["interval_count"]),
        usage_type=after["usage_type"],
        meter=after.get("meter", UNSET),
    )


def _packages(divide_by: str) -> TransformQuantityParams:
    """Return the packages of a price from a document's ``NUMBER:ROUNDING``."""
    number, _, way = divide_by.partition(":")
    return TransformQuantityParams(divide_by=int(number), round=way)


def _tier(part: Mapping[str, str]) -> TierParams:
    """Return one tier; Stripe wants at least one amount, so a free tier says 0."""
    has_amount = "unit_amount" in part or "flat_amount" in part
    return TierParams(
        up_to="inf" if part["up_to"] == "inf" else int(part["up_to"]),
        unit_amount_decimal=part.get("unit_amount", UNSET if has_amount else "0"),
        flat_amount_decimal=part.get("flat_amount", UNSET),
    )


def _takes_key(action: Action) -> bool | UnsetType:
    """Return whether the lookup_key is taken from its holder: only where the plan knows that as ours."""
    return bool(action.after["transfer_lookup_key"]) if "transfer_lookup_key" in action.after else UNSET


def _changes(call: Call) -> PriceChange:
    after = call.action.after
    return PriceChange(
        active=after.get("active", UNSET),
        tax_behavior=after.get("tax_behavior", UNSET),
        metadata=field_metadata(call),
        lookup_key=field_text(call, "lookup_key"),
        transfer_lookup_key=_takes_key(call.action),
    )


def _create(call: Call, key: str) -> Written:
    return PRICES.create(call.api, _parameters(call), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    product = call.links.get(call.action.after["product"])
    if product is not None:
        for active in (True, False):
            yield from PRICES.created_since(call.api, since, product=product, active=active, expand=in_list("price"))


def _document(call: Call, found: Found) -> Document:
    price, context = from_stripe(found.object, StripePrice), call.links.decoding_context()
    fields = {
        "active": price.active,
        "lookup_key": price.lookup_key,
        "product": context.key_by_stripe_id.get(price.product, price.product),
        "tax_behavior": context.tax_behavior(price),
        "metadata": stripe_objects.own_metadata(context, price.metadata),
    }
    return {**encode(price.content()), **fields}


PRICES = Collection("price", PATHS["price"], lambda client: client.v1.prices)
PRICE = Resource("price", reader(PRICES), _document, instructions=frozenset({"transfer_lookup_key", "how"}))
HANDLERS = {
    ActionKind.PRICE_CREATE: Handler(PRICE, _create, _recover),
    ActionKind.PRICE_UPDATE: change(PRICE, PRICES, _changes),
    ActionKind.PRICE_RELEASE: change(PRICE, PRICES, _changes),
    ActionKind.PRICE_ARCHIVE: change(PRICE, PRICES, _changes),
    ActionKind.PRICE_RETIRE: change(PRICE, PRICES, _changes),
    ActionKind.PRICE_STRIP: change(PRICE, PRICES, without_marker),
}
