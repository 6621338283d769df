"""Links to what Stigg's native integration, or a person, made: only where both sides name each other (BILLING 10 and 11).

Stigg's ``billingId`` names a Stripe object, and that object's metadata names the Stigg entity. One of the two alone makes
a candidate, for a person. A price is adopted by its content on a product that is linked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from stripe_sync.core import ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.domain.actual.stripe_objects import GONE
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.model.stigg import Coupon, Package
from stripe_sync.domain.model.stigg_status import CouponStatus
from stripe_sync.domain.model.stripe import StripeCoupon
from stripe_sync.domain.target.catalog import charges
from stripe_sync.domain.target.coupons import catalog_key
from stripe_sync.domain.target.coupons import content as coupon_content
from stripe_sync.domain.target.prices import version

PATHS = {
    "customer": "customers",
    "subscription": "subscriptions",
    "plan": "plans",
    "addon": "addons",
    "coupon": "coupons",
}


Pair = tuple[str, tuple[str, str], str | None, Mapping[str, Mapping[str, str]]]


@dataclass(frozen=True)
class Candidate:
    """A pair that may belong together, and why no link was made of it."""

    key: str
    stripe_id: str
    why: str


@dataclass(frozen=True)
class Adoption:
    """Links that both sides prove, by link key, and candidates for a person."""

    links: Mapping[str, str]
    candidates: tuple[Candidate, ...]


def families(inputs: Inputs) -> Adoption:
    """The customers and subscriptions that can be adopted besides the links that are."""
    return adoption(inputs, pairs(inputs))


def products(inputs: Inputs) -> Adoption:
    """The products of packages that can be adopted besides the links that are."""
    return adoption(inputs, package_pairs(inputs))


def adoption(inputs: Inputs, those: Iterable[Pair]) -> Adoption:
    found: dict[str, str] = {}
    candidates: list[Candidate] = []
    for key, entity, named, holders in those:
        judge(inputs, found, candidates, key=key, entity=entity, named=named, holders=holders)
    shared = {id for id, n in Counter(found.values()).items() if n > 1}
    candidates += [
        Candidate(key, id, "several Stigg entities name this Stripe object; keep it on one of them")
        for key, id in found.items()
        if id in shared
    ]
    return Adoption({k: v for k, v in found.items() if v not in shared}, tuple(candidates))


def pairs(inputs: Inputs) -> Iterator[Pair]:
    """(link key, Stigg entity, the id that Stigg names, metadata of living Stripe objects by id) of who may be adopted."""
    stripe = inputs.stripe
    customers = {c.id: c.metadata for c in stripe.customers.values() if not c.deleted}
    subscriptions = {s.id: s.metadata for s in stripe.subscriptions.values() if s.status not in GONE}
    for customer in inputs.stigg.customers:
        key = inputs.link_key("customer", customer.customer_id)
        yield key, ("customer", customer.customer_id), customer.billing_id, customers
    for subscription in inputs.stigg.subscriptions:
        key = inputs.link_key("subscription", subscription.subscription_id)
        yield key, ("subscription", subscription.subscription_id), subscription.billing_id, subscriptions


def package_pairs(inputs: Inputs) -> Iterator[Pair]:
    """The same of the packages that are sold."""
    products = {p.id: p.metadata for p in inputs.stripe.products.values() if not p.deleted}
    for kind, package in inputs.stigg.packages():
        if package.is_latest and package.pricing_type == "PAID":
            yield inputs.package_product(kind, package.ref_id), (kind, package.ref_id), package.billing_id, products


def judge(
    inputs: Inputs,
    found: dict[str, str],
    candidates: list[Candidate],
    *,
    key: str,
    entity: tuple[str, str],
    named: str | None,
    holders: Mapping[str, Mapping[str, str]],
) -> None:
    """One entity that has no link yet: linked where both sides agree, a candidate where one speaks alone."""
    if key in inputs.links.ids or named is None or named in inputs.links.keys:
        return
    metadata = holders.get(named)
    if metadata is None:
        return
    if ownership.FIELD in metadata:
        return  # a mark, genuine or not, is judged as a mark
    if names(metadata, *entity):
        found[key] = named
    else:
        candidates.append(Candidate(key, named, "Stigg names it, and its metadata does not name the Stigg entity"))


def names(metadata: Mapping[str, str], kind: str, id: str) -> bool:
    """Whether an object's metadata names a Stigg entity, in the fields that the native integration writes."""
    if kind == EntityKind.CUSTOMER and metadata.get("stiggCustomerId") == id:
        return True
    url = metadata.get("stiggEntityUrl", "").rstrip("/")
    by_url = url.rsplit("/", 2)[-2:] == [PATHS[kind], id]
    return by_url or metadata.get("stiggEntityId") == id


def prices(inputs: Inputs) -> dict[str, str]:
    """Prices to adopt, and the products of their charges: the package's product is linked, Stigg's price names the Stripe
    price, and the content is equal. Packages are looked at after their products were adopted.
    """
    found: dict[str, str] = {}
    for kind, package in inputs.stigg.packages():
        own = inputs.links.ids.get(inputs.package_product(kind, package.ref_id))
        if own is not None and package.pricing_type == "PAID":
            found |= prices_of(inputs, kind, package, own)
    return {key: id for key, id in found.items() if key not in inputs.links.ids and id not in inputs.links.keys}


def prices_of(inputs: Inputs, kind: str, package: Package, own: str) -> dict[str, str]:
    """The prices of one package version that are already in Stripe, with the products that they stand on."""
    found: dict[str, str] = {}
    for variant, price in charges(kind, package):
        held = inputs.stripe.prices.get(price.billing_id or "")
        if held is None or ownership.FIELD in held.metadata:
            continue
        try:
            v = version(inputs, kind, package, price, variant=variant)
        except RowFailed:
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
    """Coupons to adopt: Stigg names one, its metadata names Stigg's, and it takes off the same."""
    found: dict[str, str] = {}
    for coupon in inputs.stigg.coupons:
        held = inputs.stripe.coupons.get(coupon.billing_id or "")
        if held is None or held.deleted or ownership.FIELD in held.metadata or coupon.status != CouponStatus.ACTIVE:
            continue
        key = same_coupon(inputs, coupon, held)
        if key and key not in inputs.links.ids and held.id not in inputs.links.keys:
            found[key] = held.id
    return found


def same_coupon(inputs: Inputs, coupon: Coupon, held: StripeCoupon) -> str | None:
    """The link key of a coupon of Stigg's that a Stripe coupon is equal to."""
    if not names(held.metadata, "coupon", coupon.ref_id):
        return None
    try:
        wanted = coupon_content("", coupon)
    except RowFailed:
        return None
    months = str(held.duration_in_months) if held.duration_in_months else None
    lasts = held.duration == wanted["duration"] and months == wanted.get("duration_in_months")
    if "percent_off" in wanted:
        same = held.percent_off is not None and f"{held.percent_off.normalize():f}" == wanted["percent_off"]
    else:
        same = wanted["amount_off"].get(held.currency or "") == str(held.amount_off)
    return catalog_key(inputs, coupon.ref_id, wanted) if same and lasts else None
