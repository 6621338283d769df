"""Whether an object of Stripe's is what an action wanted: the same canonical form on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stripe_sync.apply.registry import Registry
from stripe_sync.desired import found
from stripe_sync.model.documents import Document
from stripe_sync.model.stripe_side import StripeCustomer, StripePrice, StripeProduct, StripeSubscription, decode
from stripe_sync.plan.actions import Action

# Parts of an ``after`` that say how to write and are not fields of the object.
HOW = frozenset(
    {"billing_cycle_anchor", "backdate_start_date", "proration_behavior", "proration_date", "transfer_lookup_key"}
)


def document(action: Action, answer: Mapping[str, Any], registry: Registry) -> Document:
    """The answer's fields, in the form in which ``after`` and ``before`` are written."""
    kind, row, reading = action.kind.partition(".")[0], dict(answer), registry.reading()
    if kind == "product":
        product = decode(row, StripeProduct)
        default = reading.known.get(product.default_price or "", product.default_price)
        return found.product_claim(reading, product, action.target).document | {"default_price": default}
    if kind == "price":
        price = decode(row, StripePrice)
        fields = {
            "active": price.active,
            "lookup_key": price.lookup_key,
            "product": reading.known.get(price.product, price.product),
            "metadata": found.own_metadata(reading, price.metadata),
        }
        return {**price.content(), **fields}
    if kind == "customer":
        return found.customer_claim(reading, decode(row, StripeCustomer), action.target).document
    return found.subscription_claim(reading, decode(row, StripeSubscription), action.target).document


def mismatches(wanted: Mapping[str, Any] | None, held: Document) -> Iterator[str]:
    """The names of the fields that are not as wanted."""
    for name, value in (wanted or {}).items():
        if name not in HOW and held.get(name) != value:
            yield name


def item_ids(action: Action, answer: Mapping[str, Any], registry: Registry) -> dict[str, str]:
    """The ids of a subscription's own items by price version."""
    claim = found.subscription_claim(registry.reading(), decode(dict(answer), StripeSubscription), action.target)
    return {price: item["id"] for price, item in claim.facts["items"].items()}
