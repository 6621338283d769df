"""Link discovery for objects that Stigg's native integration or a person created, by evidence on both sides (BILLING 10 and 11).

Stigg's ``billingId`` names a Stripe object, and the metadata of that object name the Stigg entity. One-sided evidence is a
link suggestion for a person, and nothing is created beside it. A price is adopted if its content is equal and its product is linked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stripe_sync.core import ownership
from stripe_sync.core.errors import EntityError
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.model.stigg import Coupon, Package
from stripe_sync.domain.model.stigg_status import CouponStatus
from stripe_sync.domain.model.stripe import StripeCoupon, StripeCustomer
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription
from stripe_sync.domain.target.catalog.catalog import charges
from stripe_sync.domain.target.catalog.prices import version
from stripe_sync.domain.target.coupons import catalog_key
from stripe_sync.domain.target.coupons import content as coupon_content

PATHS = {
    "customer": "customers",
    "subscription": "subscriptions",
    "plan": "plans",
    "addon": "addons",
    "coupon": "coupons",
}
Billed = StripeCustomer | StripeSubscription

NAMED = "its metadata name the Stigg entity, and Stigg does not have it as billing id"
ONE_SIDED = "Stigg has it as billing id, and its metadata does not name the Stigg entity"
SEVERAL = "several Stigg entities have this billing id; keep it on one of them"


@dataclass(frozen=True)
class Pair:
    """A Stigg entity (kind, id) with its link key, and an existing Stripe object that may be its own."""

    key: str
    entity: tuple[str, str]
    stripe_id: str
    metadata: Mapping[str, str]

    @classmethod
    def of(cls, inputs: Inputs, entity: tuple[str, str], held: Billed) -> Pair:
        """Return the pair of a customer or subscription."""
        return cls(inputs.link_key(*entity), entity, held.id, held.metadata)


@dataclass(frozen=True)
class LinkSuggestion:
    """A possible link that a person has to confirm, with the reason."""

    key: str
    stripe_id: str
    why: str


@dataclass(frozen=True)
class Adoption:
    """Links with evidence on both sides, by link key, and link suggestions."""

    links: Mapping[str, str]
    suggestions: tuple[LinkSuggestion, ...]


def families(inputs: Inputs) -> Adoption:
    """Return the links and suggestions of customers and subscriptions that are not linked."""
    found = adoption(inputs, pairs(inputs))
    known = {(one.key, one.stripe_id) for one in found.suggestions}
    named = (
        LinkSuggestion(pair.key, pair.stripe_id, NAMED)
        for pair in named_pairs(inputs)
        if is_new(inputs, pair) and pair.key not in found.links and (pair.key, pair.stripe_id) not in known
    )
    return Adoption(found.links, (*found.suggestions, *named))


def products(inputs: Inputs) -> Adoption:
    """Return the links and suggestions of packages' products that are not linked."""
    return adoption(inputs, package_pairs(inputs))


def adoption(inputs: Inputs, pairs: Iterable[Pair]) -> Adoption:
    """Return the links and suggestions of pairs; an object that several entities name is a suggestion for each."""
    evidence = [(pair, names(pair.metadata, *pair.entity)) for pair in pairs if is_new(inputs, pair)]
    proven = {pair.key: pair.stripe_id for pair, agrees in evidence if agrees}
    shared = {id for id, number in Counter(proven.values()).items() if number > 1}
    one_sided = [LinkSuggestion(pair.key, pair.stripe_id, ONE_SIDED) for pair, agrees in evidence if not agrees]
    several = [LinkSuggestion(key, id, SEVERAL) for key, id in proven.items() if id in shared]
    return Adoption({key: id for key, id in proven.items() if id not in shared}, (*one_sided, *several))


def is_new(inputs: Inputs, pair: Pair) -> bool:
    """Return whether neither side is linked, and the object has no ownership marker: objects with one are linked by it alone."""
    is_linked = pair.key in inputs.links.ids or pair.stripe_id in inputs.links.keys
    return not is_linked and ownership.FIELD not in pair.metadata


def pairs(inputs: Inputs) -> Iterator[Pair]:
    """Yield the customers and subscriptions whose billing id is an existing Stripe object."""
    customers, subscriptions = inputs.stripe.customers, inputs.stripe.subscriptions
    for customer in inputs.stigg.customers:
        held = customers.get(customer.billing_id or "")
        if held is not None and not held.deleted:
            yield Pair.of(inputs, ("customer", customer.customer_id), held)
    for subscription in inputs.stigg.subscriptions:
        billed = subscriptions.get(subscription.billing_id or "")
        if billed is not None and billed.status not in ENDED_STATUSES:
            yield Pair.of(inputs, ("subscription", subscription.subscription_id), billed)


def named_pairs(inputs: Inputs) -> Iterator[Pair]:
    """Yield the customers and subscriptions with each existing Stripe object whose metadata name them."""
    customers = [held for held in inputs.stripe.customers.values() if not held.deleted]
    subscriptions = [held for held in inputs.stripe.subscriptions.values() if held.status not in ENDED_STATUSES]
    by_customer, by_subscription = by_entity(customers, "customer"), by_entity(subscriptions, "subscription")
    for customer in inputs.stigg.customers:
        for named in by_customer.get(customer.customer_id, ()):
            yield Pair.of(inputs, ("customer", customer.customer_id), named)
    for subscription in inputs.stigg.subscriptions:
        for named in by_subscription.get(subscription.subscription_id, ()):
            yield Pair.of(inputs, ("subscription", subscription.subscription_id), named)


def by_entity(objects: Iterable[Billed], kind: str) -> dict[str, list[Billed]]:
    """Return objects by the ids of the Stigg entities that their metadata name."""
    found: dict[str, list[Billed]] = {}
    for held in objects:
        for id in entities_named(held.metadata, kind):
            found.setdefault(id, []).append(held)
    return found


def package_pairs(inputs: Inputs) -> Iterator[Pair]:
    """Yield the published paid packages whose billing id is an existing product."""
    for kind, package in inputs.stigg.packages():
        held = inputs.stripe.products.get(package.billing_id or "")
        if held is not None and not held.deleted and package.is_latest and package.pricing_type == "PAID":
            key = inputs.package_product(kind, package.ref_id)
            yield Pair(key, (kind, package.ref_id), held.id, held.metadata)


def names(metadata: Mapping[str, str], kind: str, id: str) -> bool:
    """Return whether an object's metadata name a Stigg entity, in the fields of the native integration."""
    return id in entities_named(metadata, kind)


def entities_named(metadata: Mapping[str, str], kind: str) -> set[str]:
    """Return the ids of the Stigg entities of a kind that an object's metadata name; usually it is one."""
    url = metadata.get("stiggEntityUrl", "").rstrip("/").rsplit("/", 2)
    given = {
        metadata.get("stiggEntityId"),
        metadata.get("stiggCustomerId") if kind == EntityKind.CUSTOMER else None,
        url[-1] if url[-2:-1] == [PATHS[kind]] else None,
    }
    return {id for id in given if id}


def prices(inputs: Inputs) -> dict[str, str]:
    """Return prices to adopt, and the products of their charges, by link key.

    The package's product is linked, Stigg's price has the billing id, and the content is equal. Products are adopted first.
    """
    found: dict[str, str] = {}
    for kind, package in inputs.stigg.packages():
        own = inputs.links.ids.get(inputs.package_product(kind, package.ref_id))
        if own is not None and package.pricing_type == "PAID":
            found |= prices_of(inputs, kind, package, own)
    return {key: id for key, id in found.items() if key not in inputs.links.ids and id not in inputs.links.keys}


def prices_of(inputs: Inputs, kind: str, package: Package, own: str) -> dict[str, str]:
    """Return the prices of one package version that are already in Stripe, with their products."""
    found: dict[str, str] = {}
    for variant, price in charges(kind, package):
        held = inputs.stripe.prices.get(price.billing_id or "")
        if held is None or ownership.FIELD in held.metadata:
            continue
        try:
            v = version(inputs, kind, package, price, variant=variant)
        except EntityError:
            continue
        product = inputs.stripe.products.get(held.product)
        if product is None or v.content != held.content():
            continue
        if held.product != own:
            if not names(product.metadata, kind, package.ref_id):
                continue
            found[v.product] = held.product
        found[v.key] = held.id
    return found


def coupons(inputs: Inputs) -> dict[str, str]:
    """Return coupons to adopt: billing id and metadata name each other, and the discount is the same."""
    found: dict[str, str] = {}
    for coupon in inputs.stigg.coupons:
        held = inputs.stripe.coupons.get(coupon.billing_id or "")
        if held is None or held.deleted or ownership.FIELD in held.metadata or coupon.status != CouponStatus.ACTIVE:
            continue
        key = matching_coupon(inputs, coupon, held)
        if key and key not in inputs.links.ids and held.id not in inputs.links.keys:
            found[key] = held.id
    return found


def matching_coupon(inputs: Inputs, coupon: Coupon, held: StripeCoupon) -> str | None:
    """Return the link key of a Stigg coupon if a Stripe coupon equals it, else None."""
    if not names(held.metadata, "coupon", coupon.ref_id):
        return None
    try:
        target = coupon_content("", coupon)
    except EntityError:
        return None
    months = str(held.duration_in_months) if held.duration_in_months else None
    lasts = held.duration == target["duration"] and months == target.get("duration_in_months")
    if "percent_off" in target:
        same = held.percent_off is not None and f"{held.percent_off.normalize():f}" == target["percent_off"]
    else:
        same = target["amount_off"].get(held.currency or "") == str(held.amount_off)
    return catalog_key(inputs, coupon.ref_id, target) if same and lasts else None
