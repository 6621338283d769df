"""What Stripe holds of ours, in the same canonical form as what it should hold.

Only linked objects are looked at, and of those only the fields that Stigg owns: foreign objects, items, discounts and
metadata keys appear in no document, so they can neither be drift nor be written.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from msgspec import structs, to_builtins

from stripe_sync.core import keys, ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.ownership import Signer
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.billing_periods import ANCHOR, anchor_told, natural_end, renewals, renewed_at
from stripe_sync.domain.actual.endings import collected
from stripe_sync.domain.actual.renewals import CYCLE
from stripe_sync.domain.model.documents import (
    COUPON,
    CUSTOMER,
    PRICE,
    PRICE_VERSION,
    PRODUCT,
    SUBSCRIPTION,
    Claim,
    Document,
    compact,
)
from stripe_sync.domain.model.inputs import Inputs, StripeView
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.stripe import (
    StripeCoupon,
    StripeCustomer,
    StripeDiscount,
    StripeInvoice,
    StripePrice,
    StripeProduct,
    StripeSubscription,
)
from stripe_sync.domain.model.stripe_status import InvoiceStatus, SubscriptionStatus

OWN_METADATA = ("stiggEntityId", "stiggEntityUrl", "stiggCustomerId")
# What may happen once in a subscription's life, and when we asked for its end: written beside the mark.
ONCE, CANCEL_AT = "stiggOnce", "stiggCancelAt"
EXEMPT, IGNORE = "stiggSync", "ignore"
GONE = (SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED)


@dataclass(frozen=True)
class Reading:
    """What is needed to read an object of Stripe as ours: link keys by Stripe id, and who can tell a genuine mark.

    ``tax`` is the environment's switch: tax fields are ours only while it is on.
    """

    known: Mapping[str, str]
    signer: Signer
    tax: bool = False
    retired: Mapping[str, str] = field(default_factory=dict)
    ignored: frozenset[str] = frozenset()
    drafts: Mapping[str, str] = field(default_factory=dict)  # open cycle drafts by subscription id
    unfinished: Mapping[str, Sequence[Document]] = field(default_factory=dict)  # all its drafts, by subscription id

    def marked(self, metadata: Mapping[str, str], key: str) -> bool:
        """Whether an object carries the genuine mark of its link."""
        return self.signer.key_of(metadata.get(ownership.FIELD)) == key

    def standing(self, metadata: Mapping[str, str], key: str) -> dict[str, bool]:
        """What is said of every object besides its document: our mark, a person's exemption."""
        ignored = metadata.get(EXEMPT) == IGNORE or key in self.ignored
        return {"marked": self.marked(metadata, key)} | ({"ignored": True} if ignored else {})

    def tax_behavior(self, price: StripePrice) -> str | None:
        """The tax behaviour that was set, where it is ours to set."""
        return price.tax_behavior if self.tax and price.tax_behavior != "unspecified" else None

    def ref_of(self, discount: StripeDiscount) -> str | None:
        """The refId of the coupon of ours behind a discount; None for somebody else's."""
        id = discount.source.coupon_id() or ""
        key = self.known.get(id) or self.retired.get(id) or ""
        return keys.coupon_ref(key) if keys.LinkKey.parse(key).kind == COUPON else None


def found(inputs: Inputs, objects: StripeView) -> list[Claim]:
    """The documents of those of these objects that are linked and still exist; what they refer to is in the inputs."""
    reading = Reading(
        inputs.links.keys, inputs.signer, inputs.environment.stripe.tax, inputs.links.retired, inputs.links.ignored,
        cycle_drafts(inputs.stripe.drafts), unfinished(inputs.stripe.drafts),
    )  # fmt: skip
    return list(claims(objects, reading, inputs.stripe.products))


def cycle_drafts(drafts: Mapping[str, StripeInvoice]) -> dict[str, str]:
    """The open draft of each subscription's renewal."""
    open_ones = (d for d in drafts.values() if d.status == InvoiceStatus.DRAFT and d.billing_reason == CYCLE)
    return {subscription: draft.id for draft in open_ones if (subscription := draft.subscription())}


def unfinished(drafts: Mapping[str, StripeInvoice]) -> dict[str, list[Document]]:
    """Return the drafts of each subscription as decisions about its end take them (domain/actual/endings.py)."""
    found: dict[str, list[Document]] = {}
    for draft in drafts.values():
        if draft.status == InvoiceStatus.DRAFT and (subscription := draft.subscription()):
            found.setdefault(subscription, []).append(asdict(collected(to_builtins(draft))))
    return found


def claims(stripe: StripeView, reading: Reading, products: Mapping[str, StripeProduct]) -> Iterator[Claim]:
    known = reading.known
    for product in stripe.products.values():
        if product.id in known and not product.deleted:
            yield product_claim(reading, product, known[product.id])
    for price in stripe.prices.values():
        if price.id in known:
            owner = products.get(price.product)
            yield from price_claims(reading, price, known[price.id], default=owner.default_price if owner else None)
    for coupon in stripe.coupons.values():
        if coupon.id in known and not coupon.deleted:
            yield coupon_claim(reading, coupon, known[coupon.id])
    for customer in stripe.customers.values():
        if customer.id in known and not customer.deleted:
            yield customer_claim(reading, customer, known[customer.id])
    for subscription in stripe.subscriptions.values():
        if subscription.id in known and subscription.status not in GONE:
            yield subscription_claim(reading, subscription, known[subscription.id])


def own_metadata(reading: Reading, metadata: dict[str, str]) -> Document:
    """Our keys alone; a genuine mark is shown as the link key that it proves."""
    own = {name: metadata.get(name) for name in OWN_METADATA}
    return compact(own | {ownership.FIELD: reading.signer.key_of(metadata.get(ownership.FIELD))})


def product_claim(reading: Reading, product: StripeProduct, key: str) -> Claim:
    document = {
        "name": product.name,
        "active": product.active,
        "tax_code": product.tax_code if reading.tax else None,
        "metadata": own_metadata(reading, product.metadata),
    }
    facts = reading.standing(product.metadata, key)
    return Claim(PRODUCT, key, compact(document), stripe_id=product.id, facts=facts)


def price_claims(reading: Reading, price: StripePrice, key: str, *, default: str | None) -> Iterator[Claim]:
    """The version that a price is, if it is usable, and its slot, if it holds the slot's lookup_key.

    ``default`` is the id of its product's default price.
    """
    standing = reading.standing(price.metadata, key)
    if price.active:
        document = {
            "active": True,
            "tax_behavior": reading.tax_behavior(price),
            "metadata": own_metadata(reading, price.metadata),
        }
        owner = reading.known.get(price.product, price.product)
        facts = {"content": encode(price.content()), "product": owner, "default": default == price.id} | standing
        yield Claim(PRICE_VERSION, key, compact(document), stripe_id=price.id, facts=facts)
    slot = keys.slot_of(key)
    if price.lookup_key is None or price.lookup_key != keys.lookup_key(slot):
        return
    held: Document = {
        **encode(price.content()),
        "product": reading.known.get(price.product, price.product),
        "active": price.active,
        "default": default == price.id,
    }
    yield Claim(PRICE, slot, compact(held), stripe_id=price.id, facts={"version": key} | standing)


def coupon_claim(reading: Reading, coupon: StripeCoupon, key: str) -> Claim:
    document = {"name": coupon.name, "metadata": own_metadata(reading, coupon.metadata)}
    facts = reading.standing(coupon.metadata, key)
    return Claim(COUPON, key, compact(document), stripe_id=coupon.id, facts=facts)


def customer_claim(reading: Reading, customer: StripeCustomer, key: str) -> Claim:
    document = {
        "name": customer.name,
        "description": customer.description,
        "email": customer.email,
        "metadata": own_metadata(reading, customer.metadata),
    }
    facts = reading.standing(customer.metadata, key)
    return Claim(CUSTOMER, key, compact(document), stripe_id=customer.id, facts=facts)


def subscription_claim(reading: Reading, subscription: StripeSubscription, key: str) -> Claim:
    """Our items are those whose price is linked; the others are somebody else's and stay as they are."""
    invoice = subscription.collection_method == "send_invoice"
    discounts = [(discount.id, reading.ref_of(discount)) for discount in expanded(subscription)]
    document = {
        "customer": reading.known.get(subscription.customer, subscription.customer),
        "items": own_items(reading, subscription),
        "collection_method": subscription.collection_method,
        "days_until_due": str(subscription.days_until_due) if invoice else None,
        "discounts": sorted(ref for _, ref in discounts if ref is not None),
        "once": once_of(subscription.metadata),
        "cancel_at": str(subscription.cancel_at) if subscription.cancel_at else None,
        "renewal": renewal(subscription, by_anchor=False),
        "automatic_tax": True if reading.tax and subscription.automatic_tax.enabled else None,
        "metadata": own_metadata(reading, subscription.metadata),
    }
    own = [item for item in subscription.items.data if item.price.id in reading.known]
    facts: dict[str, Any] = {
        "items": {
            reading.known[item.price.id]: {
                "id": item.id,
                "product": reading.known.get(item.price.product, item.price.product),
                "start": item.current_period_start,
                "end": natural_end(subscription, item),
                "usage": item.price.is_usage(),
                "metered": item.price.is_metered(),
            }
            for item in own
        },
        "foreign_items": len(subscription.items.data) - len(own),
        "discounts": discounts,
        "schedule": subscription.schedule,
        "paused": subscription.pause_collection is not None or subscription.status == SubscriptionStatus.PAUSED,
        "asked_end": subscription.metadata.get(CANCEL_AT),
        "tax_rates": [rate.id for rate in subscription.default_tax_rates or ()],
        "anchor": anchor_told(subscription),
        "noted": ANCHOR in subscription.metadata,
        "tax_disabled": subscription.automatic_tax.disabled_reason,
        "draft": reading.drafts.get(subscription.id),
        "unfinished": list(reading.unfinished.get(subscription.id, ())),
        "renewed": renewed_at(subscription),
    }
    facts |= reading.standing(subscription.metadata, key)
    return Claim(SUBSCRIPTION, key, compact(document), stripe_id=subscription.id, facts=facts)


def renewal(subscription: StripeSubscription, *, by_anchor: bool) -> str | None:
    """Return when the running period ends, in Stripe or by the anchor that was noted; None where none was noted.

    Where an end of ours stands without a note, the anchor of now is to be noted: the end by it differs from None.
    """
    found = renewals(subscription)
    if found is None and by_anchor and is_unnoted(subscription):
        found = renewals(structs.replace(subscription, metadata={ANCHOR: str(anchor_told(subscription))}))
    return f"{found[by_anchor]:%Y-%m-%d %H:%M:%S} UTC" if found is not None else None


def is_unnoted(subscription: StripeSubscription) -> bool:
    """Return whether an end that we asked for stands, and no anchor is noted with it."""
    is_own = subscription.cancel_at is not None and subscription.metadata.get(CANCEL_AT) == str(subscription.cancel_at)
    return is_own and ANCHOR not in subscription.metadata and anchor_told(subscription) is not None


def own_items(reading: Reading, subscription: StripeSubscription) -> list[dict[str, str]]:
    """Price version and quantity of our items; a metered item has none in Stripe and counts as one."""
    quantities: Counter[str] = Counter()
    metered = set()
    for item in subscription.items.data:
        if item.price.id in reading.known:
            key = reading.known[item.price.id]
            quantities[key] += 1 if item.quantity is None else item.quantity
            metered |= {key} if item.price.is_metered() else set()
    return [
        {"price": price, "quantity": str(quantities[price])} | ({"metered": "yes"} if price in metered else {})
        for price in sorted(quantities)
    ]


def once_of(metadata: Mapping[str, str]) -> list[str]:
    """The tokens of what happened once already."""
    return sorted(filter(None, metadata.get(ONCE, "").split(",")))


def expanded(subscription: StripeSubscription) -> Iterator[StripeDiscount]:
    """The discounts of a subscription. Raises RowFailed where they were not asked for whole."""
    for discount in subscription.discounts:
        if isinstance(discount, str):
            raise RowFailed(ReasonCode.UNKNOWN_SHAPE, f"The discounts of {subscription.id} were read as ids alone.")
        yield discount
