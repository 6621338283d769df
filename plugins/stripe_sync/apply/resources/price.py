"""Prices: their content is immutable in Stripe, so each version is a separate price."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from stripe_sync.apply.resource import (
    Call,
    Handler,
    Params,
    Resource,
    change,
    metadata,
    reader,
    without_marker,
)
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import EXPANDED, PATHS, in_list
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual import stripe_objects
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.stripe import StripePrice
from stripe_sync.domain.plan.actions import ActionKind


def _parameters(call: Call) -> Params:
    """Return the parameters of a new price; it takes over the lookup_key in the same call. The answer includes the tiers."""
    after = call.action.after
    params: Params = {
        "currency": after["currency"],
        "product": call.links.resolve(after["product"]),
        "billing_scheme": after["billing_scheme"],
        "metadata": metadata(after["metadata"], call.links),
        "expand": EXPANDED["price"],
    }
    if "interval" in after:
        params["recurring"] = _recurring(after)
    if "tiers" in after:
        params |= {"tiers_mode": after["tiers_mode"], "tiers": [_tier(part) for part in after["tiers"]]}
    else:
        params["unit_amount_decimal"] = after["unit_amount"]
    if "divide_by" in after:
        number, _, way = after["divide_by"].partition(":")
        params["transform_quantity"] = {"divide_by": int(number), "round": way}
    if "tax_behavior" in after:
        params["tax_behavior"] = after["tax_behavior"]
    return params | _lookup_key(after)


def _recurring(after: Mapping[str, Any]) -> Params:
    params = {
        "interval": after["interval"],
        "interval_count": int(after["interval_count"]),
        "usage_type": after["usage_type"],
    }
    return params | ({"meter": after["meter"]} if "meter" in after else {})


def _tier(part: Mapping[str, str]) -> Params:
    """Return one tier; Stripe wants at least one amount, so a free tier says 0."""
    given: Params = {"up_to": "inf" if part["up_to"] == "inf" else int(part["up_to"])}
    amounts = {f"{name}_decimal": part[name] for name in ("unit_amount", "flat_amount") if name in part}
    return given | (amounts or {"unit_amount_decimal": "0"})


def _changes(call: Call) -> Params:
    after = call.action.after
    params: Params = {name: after[name] for name in ("active", "tax_behavior") if name in after}
    params["expand"] = EXPANDED["price"]
    if "metadata" in after:
        params["metadata"] = metadata(after["metadata"], call.links)
    return params | _lookup_key(after)


def _lookup_key(after: Mapping[str, Any]) -> Params:
    """Return the lookup_key; it is taken from its holder only where the plan knows that as ours. None gives it up."""
    return {name: after[name] or "" for name in ("lookup_key", "transfer_lookup_key") if name in after}


def _create(call: Call, key: str) -> Written:
    return PRICES.create(call.api, _parameters(call), key=key)


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    product = call.links.get(call.action.after["product"])
    if product is not None:
        for active in (True, False):
            yield from PRICES.created_since(call.api, since, product=product, active=active, expand=in_list("price"))


def _document(call: Call, found: Found) -> Document:
    price, reading = from_stripe(found.object, StripePrice), call.links.reading()
    fields = {
        "active": price.active,
        "lookup_key": price.lookup_key,
        "product": reading.known.get(price.product, price.product),
        "tax_behavior": reading.tax_behavior(price),
        "metadata": stripe_objects.own_metadata(reading, price.metadata),
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
