"""What Stripe holds of ours, in the same canonical form as what it should hold.

Only linked objects are looked at, and of those only the fields that Stigg owns: foreign objects, items and metadata keys
appear in no document, so they can neither be drift nor be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stripe_sync import keys, marker
from stripe_sync.desired.inputs import Inputs
from stripe_sync.marker import Signer
from stripe_sync.model.documents import (
    CUSTOMER,
    PRICE,
    PRICE_VERSION,
    PRODUCT,
    SUBSCRIPTION,
    Claim,
    Document,
    compact,
)  # fmt: skip
from stripe_sync.model.stripe_side import StripeCustomer, StripePrice, StripeProduct, StripeSubscription

OWN_METADATA = ("stiggEntityId", "stiggEntityUrl", "stiggCustomerId")


@dataclass(frozen=True)
class Reading:
    """What is needed to read an object of Stripe as ours: link keys by Stripe id, and who can tell a genuine mark."""

    known: Mapping[str, str]
    signer: Signer


def found(inputs: Inputs) -> list[Claim]:
    """The documents of all linked objects that still exist."""
    return list(claims(inputs, Reading(inputs.links.keys, inputs.signer)))


def claims(inputs: Inputs, reading: Reading) -> Iterator[Claim]:
    stripe, known = inputs.stripe, reading.known
    for product in stripe.products.values():
        if product.id in known and not product.deleted:
            yield product_claim(reading, product, known[product.id])
    for price in stripe.prices.values():
        if price.id in known:
            owner = stripe.products.get(price.product)
            yield from price_claims(reading, price, known[price.id], default=owner.default_price if owner else None)
    for customer in stripe.customers.values():
        if customer.id in known and not customer.deleted:
            yield customer_claim(reading, customer, known[customer.id])
    for subscription in stripe.subscriptions.values():
        if subscription.id in known and subscription.status not in ("canceled", "incomplete_expired"):
            yield subscription_claim(reading, subscription, known[subscription.id])


def own_metadata(reading: Reading, metadata: dict[str, str]) -> Document:
    """Our keys alone; a genuine mark is shown as the link key that it proves."""
    own = {name: metadata.get(name) for name in OWN_METADATA}
    return compact(own | {marker.FIELD: reading.signer.key_of(metadata.get(marker.FIELD))})


def product_claim(reading: Reading, product: StripeProduct, key: str) -> Claim:
    document = {"name": product.name, "active": product.active, "metadata": own_metadata(reading, product.metadata)}
    return Claim(PRODUCT, key, compact(document), stripe_id=product.id)


def price_claims(reading: Reading, price: StripePrice, key: str, *, default: str | None) -> Iterator[Claim]:
    """The version that a price is, if it is usable, and its slot, if it holds the slot's lookup_key.

    ``default`` is the id of its product's default price.
    """
    if price.active:
        document = {"active": True, "metadata": own_metadata(reading, price.metadata)}
        yield Claim(PRICE_VERSION, key, compact(document), stripe_id=price.id, facts={"content": price.content()})
    slot = keys.slot_of(key)
    if price.lookup_key is None or keys.link_key("price", price.lookup_key) != slot:
        return
    document = {
        **price.content(),
        "product": reading.known.get(price.product, price.product),
        "active": price.active,
        "default": default == price.id,
    }
    yield Claim(PRICE, slot, compact(document), stripe_id=price.id, facts={"version": key})


def customer_claim(reading: Reading, customer: StripeCustomer, key: str) -> Claim:
    document = {
        "name": customer.name,
        "description": customer.description,
        "email": customer.email,
        "metadata": own_metadata(reading, customer.metadata),
    }
    return Claim(CUSTOMER, key, compact(document), stripe_id=customer.id)


def subscription_claim(reading: Reading, subscription: StripeSubscription, key: str) -> Claim:
    """Our items are those whose price is linked; the others are somebody else's and stay as they are."""
    known = reading.known
    own = [item for item in subscription.items.data if item.price.id in known]
    invoice = subscription.collection_method == "send_invoice"
    document = {
        "customer": known.get(subscription.customer, subscription.customer),
        "items": sorted(
            ({"price": known[item.price.id], "quantity": str(item.quantity or 0)} for item in own),
            key=lambda item: item["price"],
        ),
        "collection_method": subscription.collection_method,
        "days_until_due": str(subscription.days_until_due) if invoice else None,
        "metadata": own_metadata(reading, subscription.metadata),
    }
    facts = {
        "items": {
            known[item.price.id]: {
                "id": item.id,
                "start": item.current_period_start,
                "end": item.current_period_end,
            }
            for item in own
        },
        "foreign_items": len(subscription.items.data) - len(own),
        "schedule": subscription.schedule,
        "paused": subscription.pause_collection is not None or subscription.status == "paused",
    }
    return Claim(SUBSCRIPTION, key, compact(document), stripe_id=subscription.id, facts=facts)
