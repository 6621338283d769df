"""Documents of linked Stripe objects, in the same canonical form as the target; a subscription's document in full."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from msgspec import structs

from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.actual.billing_periods import ANCHOR, current_anchor, natural_end, renewals, renewed_at
from stripe_sync.domain.actual.endings import collected
from stripe_sync.domain.actual.renewals import CYCLE
from stripe_sync.domain.actual.stripe_objects import (
    CANCEL_AT,
    ENDED_STATUSES,
    ONE_OFFS,
    DecodingContext,
    coupon_document,
    customer_document,
    own_metadata,
    price_documents,
    product_document,
)
from stripe_sync.domain.model.documents import (
    SUBSCRIPTION,
    Document,
    ObjectDocument,
    compact,
)
from stripe_sync.domain.model.inputs import Inputs, StripeView
from stripe_sync.domain.model.stripe import StripeProduct
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus, SubscriptionStatus
from stripe_sync.domain.model.stripe_subscriptions import StripeDiscount, StripeSubscription


def linked_documents(inputs: Inputs, objects: StripeView) -> list[ObjectDocument]:
    """Return the actual documents of linked, existing objects; objects that they refer to are in the inputs."""
    context = DecodingContext(
        inputs.links.keys,
        inputs.signer,
        inputs.environment.stripe.tax,
        inputs.links.retired,
        inputs.links.ignored,
        renewal_drafts(inputs.stripe.drafts),
        drafts_by_subscription(inputs.stripe.drafts),
    )
    return list(documents_of_objects(objects, context, inputs.stripe.products))


def renewal_drafts(drafts: Mapping[str, StripeInvoice]) -> dict[str, str]:
    """Return the id of the open renewal draft by subscription."""
    open_ones = (d for d in drafts.values() if d.status == InvoiceStatus.DRAFT and d.billing_reason == CYCLE)
    return {subscription: draft.id for draft in open_ones if (subscription := draft.subscription())}


def drafts_by_subscription(drafts: Mapping[str, StripeInvoice]) -> dict[str, list[Document]]:
    """Return the drafts by subscription, in the form of ``endings.Collected``."""
    by_subscription: dict[str, list[Document]] = {}
    for draft in drafts.values():
        if draft.status == InvoiceStatus.DRAFT and (subscription := draft.subscription()):
            by_subscription.setdefault(subscription, []).append(asdict(collected(draft)))
    return by_subscription


def documents_of_objects(
    stripe: StripeView, context: DecodingContext, products: Mapping[str, StripeProduct]
) -> Iterator[ObjectDocument]:
    """Yield the actual documents of linked objects."""
    key_of = context.key_by_stripe_id
    for product in stripe.products.values():
        if product.id in key_of and not product.deleted:
            yield product_document(context, product, key_of[product.id])
    for price in stripe.prices.values():
        if price.id in key_of:
            of_price = products.get(price.product)
            default = of_price.default_price if of_price else None
            yield from price_documents(context, price, key_of[price.id], default=default)
    for coupon in stripe.coupons.values():
        if coupon.id in key_of and not coupon.deleted:
            yield coupon_document(context, coupon, key_of[coupon.id])
    for customer in stripe.customers.values():
        if customer.id in key_of and not customer.deleted:
            yield customer_document(context, customer, key_of[customer.id])
    for subscription in stripe.subscriptions.values():
        if subscription.id in key_of and subscription.status not in ENDED_STATUSES:
            yield subscription_document(context, subscription, key_of[subscription.id])


def subscription_document(context: DecodingContext, subscription: StripeSubscription, key: str) -> ObjectDocument:
    """Return the document of a subscription. Items without a linked price are foreign and not compared."""
    invoice = subscription.collection_method == "send_invoice"
    is_in_trial = subscription.status == SubscriptionStatus.TRIALING
    discounts = [(discount.id, context.ref_of(discount)) for discount in expanded(subscription)]
    document = {
        "customer": context.key_by_stripe_id.get(subscription.customer, subscription.customer),
        "items": own_items(context, subscription),
        "collection_method": subscription.collection_method,
        "days_until_due": str(subscription.days_until_due) if invoice else None,
        "discounts": sorted(ref for _, ref in discounts if ref is not None),
        "once": one_off_tokens(subscription.metadata),
        "cancel_at": str(subscription.cancel_at) if subscription.cancel_at else None,
        "trial_end": str(subscription.trial_end) if is_in_trial else None,
        "pause": subscription.pause(),
        "renewal": renewal_text(subscription, by_anchor=False),
        "automatic_tax": True if context.tax and subscription.automatic_tax.enabled else None,
        "metadata": own_metadata(context, subscription.metadata),
    }
    own = [item for item in subscription.items.data if item.price.id in context.key_by_stripe_id]
    facts: dict[str, Any] = {
        "items": {
            context.key_by_stripe_id[item.price.id]: {
                "id": item.id,
                "product": context.key_by_stripe_id.get(item.price.product, item.price.product),
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
        "unpaid": subscription.status == SubscriptionStatus.UNPAID,
        "own_cancel_at": subscription.metadata.get(CANCEL_AT),
        "tax_rates": [rate.id for rate in subscription.default_tax_rates or ()],
        "anchor": current_anchor(subscription),
        "has_noted_anchor": ANCHOR in subscription.metadata,
        "tax_disabled": subscription.automatic_tax.disabled_reason,
        "draft": context.renewal_drafts.get(subscription.id),
        "all_drafts": list(context.drafts_by_subscription.get(subscription.id, ())),
        "last_renewal": renewed_at(subscription),
    }
    facts |= context.ownership_facts(subscription.metadata, key)
    return ObjectDocument(SUBSCRIPTION, key, compact(document), stripe_id=subscription.id, facts=facts)


def renewal_text(subscription: StripeSubscription, *, by_anchor: bool) -> str | None:
    """Return the end of the current period, in Stripe or by the noted anchor; None without a noted anchor.

    If we set an end without noting the anchor, the current anchor has to be noted: the end by it differs from None.
    """
    ends = renewals(subscription)
    if ends is None and by_anchor and is_unnoted(subscription):
        ends = renewals(structs.replace(subscription, metadata={ANCHOR: str(current_anchor(subscription))}))
    return f"{ends[by_anchor]:%Y-%m-%d %H:%M:%S} UTC" if ends is not None else None


def is_unnoted(subscription: StripeSubscription) -> bool:
    """Return whether an end that we set has no noted anchor."""
    is_own = subscription.cancel_at is not None and subscription.metadata.get(CANCEL_AT) == str(subscription.cancel_at)
    return is_own and ANCHOR not in subscription.metadata and current_anchor(subscription) is not None


def own_items(context: DecodingContext, subscription: StripeSubscription) -> list[dict[str, str]]:
    """Return price version and quantity of our items; a metered item, which has no quantity in Stripe, counts as one."""
    quantities: Counter[str] = Counter()
    metered = set()
    for item in subscription.items.data:
        if item.price.id in context.key_by_stripe_id:
            key = context.key_by_stripe_id[item.price.id]
            quantities[key] += 1 if item.quantity is None else item.quantity
            metered |= {key} if item.price.is_metered() else set()
    return [
        {"price": price, "quantity": str(quantities[price])} | ({"metered": "yes"} if price in metered else {})
        for price in sorted(quantities)
    ]


def one_off_tokens(metadata: Mapping[str, str]) -> list[str]:
    """Return the tokens of one-off events that have happened."""
    return sorted(filter(None, metadata.get(ONE_OFFS, "").split(",")))


def expanded(subscription: StripeSubscription) -> Iterator[StripeDiscount]:
    """Yield the discounts of a subscription. Raises EntityError where they were not expanded."""
    for discount in subscription.discounts:
        if isinstance(discount, str):
            raise EntityError(
                ReasonCode.UNKNOWN_SHAPE, f"The discounts of {subscription.id} were not expanded; run extract again."
            )
        yield discount
