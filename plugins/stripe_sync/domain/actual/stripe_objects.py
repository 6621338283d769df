"""Documents of linked Stripe objects, in the same canonical form as their targets.

A document has only the fields that Stigg owns. Foreign objects, items, discounts and metadata keys are in no document, so
they are neither drift nor written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from stripe_sync.core import keys, ownership
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.model.documents import (
    COUPON,
    CUSTOMER,
    PRICE,
    PRICE_VERSION,
    PRODUCT,
    Document,
    ObjectDocument,
    compact,
)
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.stripe import StripeCoupon, StripeCustomer, StripePrice, StripeProduct
from stripe_sync.domain.model.stripe_status import SubscriptionStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeDiscount

OWN_METADATA = ("stiggEntityId", "stiggEntityUrl", "stiggCustomerId")
# One-off events of a subscription, and the end that we set: written next to the ownership marker.
ONE_OFFS, CANCEL_AT = "stiggOnce", "stiggCancelAt"
EXEMPT, IGNORE = "stiggSync", "ignore"
ENDED_STATUSES = (SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED)


@dataclass(frozen=True)
class DecodingContext:
    """Values that an object's document depends on, without the object.

    ``key_by_stripe_id`` has the link keys of linked objects, ``retired_keys`` those of ended links, both by Stripe id.
    ``signer`` reads ownership markers. Tax fields are compared only with ``tax``, which is the environment's setting.
    ``ignored_keys`` are the link keys of exempted objects. ``renewal_drafts`` has the id of the open renewal draft, and
    ``drafts_by_subscription`` all drafts as ``endings.Collected``, both by the Stripe id of a subscription.
    """

    key_by_stripe_id: Mapping[str, str]
    signer: Signer
    tax: bool = False
    retired_keys: Mapping[str, str] = field(default_factory=dict)
    ignored_keys: frozenset[str] = frozenset()
    renewal_drafts: Mapping[str, str] = field(default_factory=dict)
    drafts_by_subscription: Mapping[str, Sequence[Document]] = field(default_factory=dict)

    def has_marker(self, metadata: Mapping[str, str], key: str) -> bool:
        """Return whether an object has the valid ownership marker of its link."""
        return self.signer.key_of(metadata.get(ownership.FIELD)) == key

    def ownership_facts(self, metadata: Mapping[str, str], key: str) -> dict[str, bool]:
        """Return the facts of every object: its ownership marker and its exemption."""
        ignored = metadata.get(EXEMPT) == IGNORE or key in self.ignored_keys
        return {"marked": self.has_marker(metadata, key)} | ({"ignored": True} if ignored else {})

    def tax_behavior(self, price: StripePrice) -> str | None:
        """Return the tax behaviour if tax is on and it is specified, else None."""
        return price.tax_behavior if self.tax and price.tax_behavior != "unspecified" else None

    def ref_of(self, discount: StripeDiscount) -> str | None:
        """Return the refId of our coupon behind a discount; None for a foreign coupon."""
        id = discount.source.coupon_id() or ""
        key = self.key_by_stripe_id.get(id) or self.retired_keys.get(id) or ""
        return keys.coupon_ref(key) if keys.LinkKey.parse(key).kind == COUPON else None


def own_metadata(context: DecodingContext, metadata: dict[str, str]) -> Document:
    """Return only our metadata; a valid ownership marker is replaced by its link key."""
    own = {name: metadata.get(name) for name in OWN_METADATA}
    return compact(own | {ownership.FIELD: context.signer.key_of(metadata.get(ownership.FIELD))})


def product_document(context: DecodingContext, product: StripeProduct, key: str) -> ObjectDocument:
    document = {
        "name": product.name,
        "active": product.active,
        "tax_code": product.tax_code if context.tax else None,
        "metadata": own_metadata(context, product.metadata),
    }
    facts = context.ownership_facts(product.metadata, key)
    return ObjectDocument(PRODUCT, key, compact(document), stripe_id=product.id, facts=facts)


def price_documents(
    context: DecodingContext, price: StripePrice, key: str, *, default: str | None
) -> Iterator[ObjectDocument]:
    """Yield the document of a price version, if it is active, and of the price, if it has the lookup_key.

    ``default`` is the id of its product's default price.
    """
    marker_facts = context.ownership_facts(price.metadata, key)
    if price.active:
        document = {
            "active": True,
            "tax_behavior": context.tax_behavior(price),
            "metadata": own_metadata(context, price.metadata),
        }
        product = context.key_by_stripe_id.get(price.product, price.product)
        facts = {"content": encode(price.content()), "product": product, "default": default == price.id} | marker_facts
        yield ObjectDocument(PRICE_VERSION, key, compact(document), stripe_id=price.id, facts=facts)
    slot = keys.slot_of(key)
    if price.lookup_key is None or price.lookup_key != keys.lookup_key(slot):
        return
    held: Document = {
        **encode(price.content()),
        "product": context.key_by_stripe_id.get(price.product, price.product),
        "active": price.active,
        "default": default == price.id,
    }
    yield ObjectDocument(PRICE, slot, compact(held), stripe_id=price.id, facts={"version": key} | marker_facts)


def coupon_document(context: DecodingContext, coupon: StripeCoupon, key: str) -> ObjectDocument:
    document = {"name": coupon.name, "metadata": own_metadata(context, coupon.metadata)}
    facts = context.ownership_facts(coupon.metadata, key)
    return ObjectDocument(COUPON, key, compact(document), stripe_id=coupon.id, facts=facts)


def customer_document(context: DecodingContext, customer: StripeCustomer, key: str) -> ObjectDocument:
    document = {
        "name": customer.name,
        "description": customer.description,
        "email": customer.email,
        "metadata": own_metadata(context, customer.metadata),
    }
    facts = context.ownership_facts(customer.metadata, key)
    return ObjectDocument(CUSTOMER, key, compact(document), stripe_id=customer.id, facts=facts)
