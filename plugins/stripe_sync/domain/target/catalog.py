"""Products and prices that the published catalog, and those still subscribed to its past, want in Stripe (BILLING 1-3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from stripe_sync.core import keys, ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import PRICE, PRICE_VERSION, PRODUCT, Claim, Document, compact
from stripe_sync.domain.model.inputs import BILLABLE, Inputs
from stripe_sync.domain.model.kinds import EntityKind
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Minimum, Package, Price
from stripe_sync.domain.model.stigg_status import PackageStatus
from stripe_sync.domain.model.stripe import StripeProduct
from stripe_sync.domain.target import display_names
from stripe_sync.domain.target.prices import PriceVersion, by_meter, version

Charge = tuple[str, Price]  # its variant ("" for a feature's own charge), its price
Made = tuple[str, Price, PriceVersion]


@dataclass(frozen=True)
class Offer:
    """One version of a package: whether it is what is sold, why it has nothing in Stripe, and its charges."""

    kind: str
    package: Package
    current: bool
    refused: EntityStatus | None
    made: Sequence[Made]


@dataclass(frozen=True)
class Catalog:
    """What Stigg offers: claims and statuses of what is sold, every price version by the price id in Stigg.

    ``failures`` say why some prices have none. ``metered`` are the versions that a meter of Stripe's bills, besides those that
    anchor lines of our own.
    """

    offers: Sequence[Offer]
    claims: Sequence[Claim]
    statuses: Sequence[EntityStatus]
    versions: Mapping[str, PriceVersion]
    failures: Mapping[str, RowFailed] = field(default_factory=dict)
    metered: Mapping[str, PriceVersion] = field(default_factory=dict)


def catalog(inputs: Inputs) -> Catalog:
    """The catalog as all subscriptions know it: what is offered now, whoever is subscribed to what."""
    claims: dict[str, Claim] = {}
    offers: list[Offer] = []
    statuses = [
        EntityStatus("product", p.ref_id, Status.NO_SYNC_REQUIRED, ReasonCode.NOT_MAPPED) for p in inputs.stigg.products
    ]
    versions: dict[str, PriceVersion] = {}
    metered: dict[str, PriceVersion] = {}
    failures: dict[str, RowFailed] = {}
    for kind, package in inputs.stigg.packages():
        current = package.is_latest is True and package.status == PackageStatus.PUBLISHED
        charged = price_package(inputs, kind, package)
        failures |= charged.failures
        made, refused = charged.made, charged.refused or waits(inputs, kind, package)
        for _, price, v in made:
            # The version that a meter bills comes after the one that anchors our own lines.
            if v.metered and price.id in versions:
                metered[price.id] = v
            else:
                versions[price.id] = v
        offers.append(Offer(kind, package, current, refused, made))
        if current:
            new = package_claims(inputs, kind, package, made, current=True) if refused is None else []
            claims |= {claim.key: claim for claim in new}
            statuses.append(refused or EntityStatus(kind, package.ref_id, Status.PENDING, ReasonCode.WAITS_FOR_WRITE))
        elif package.is_latest is not False:
            statuses.append(refused or unpublished(kind, package))
    return Catalog(offers, list(claims.values()), statuses, versions, failures, metered)


def past(inputs: Inputs, catalog: Catalog, needed: Collection[str]) -> list[Claim]:
    """The claims of what is no longer sold: older versions that somebody needs, products that were ours to sell.

    ``needed`` is what ``needs`` tells of all subscriptions.
    """
    claims = {claim.key: claim for claim in catalog.claims}
    for offer in catalog.offers:
        number = need(offer.kind, offer.package.ref_id, offer.package.version_number)
        if offer.refused is None and not offer.current and number in needed:
            new = package_claims(inputs, offer.kind, offer.package, offer.made, current=False)
            claims |= {claim.key: claim for claim in new if claim.key not in claims}
    for claim in retired_products(inputs, claims, catalog.statuses, needed):
        claims.setdefault(claim.key, claim)
    sold = {claim.key for claim in catalog.claims}
    return [claim for claim in claims.values() if claim.key not in sold]


@dataclass(frozen=True)
class Charges:
    """The charges of a package with their versions, or why it has nothing in Stripe; ``failures`` by Stigg's price."""

    made: Sequence[Made] = ()
    refused: EntityStatus | None = None
    failures: Mapping[str, RowFailed] = field(default_factory=dict)


def price_package(inputs: Inputs, kind: str, package: Package) -> Charges:
    """Return a package's charges with their versions. The first bad charge is its package's ERROR."""
    refused = refusal(kind, package)
    if refused is not None:
        return Charges(refused=refused)
    made: list[Made] = []
    for variant, price in charges(kind, package):
        try:
            v = version(inputs, kind, package, price, variant=variant)
            counted = by_meter(inputs, v, kind, package, price)
        except RowFailed as failure:
            return Charges(refused=failed(kind, package, failure), failures={price.id: failure})
        made += [(variant, price, each) for each in (v, counted) if each is not None]
    try:
        refuse_twins(kind, package, made)
    except RowFailed as failure:
        return Charges(refused=failed(kind, package, failure))
    return Charges(made)


def failed(kind: str, package: Package, failure: RowFailed) -> EntityStatus:
    """Return the status of a package that cannot be priced."""
    return EntityStatus(kind, package.ref_id, Status.ERROR, ReasonCode(failure.reason), failure.detail)


def waits(inputs: Inputs, kind: str, package: Package) -> EntityStatus | None:
    """A package that may be in Stripe already, by the word of one side alone, waits for a person."""
    key = inputs.package_product(kind, package.ref_id)
    if key in inputs.links.ids or key not in inputs.candidates:
        return None
    return EntityStatus(kind, package.ref_id, Status.PENDING, ReasonCode.CANDIDATE, inputs.candidates[key])


def charges(kind: str, package: Package) -> Iterator[Charge]:
    """Every charge of a package: its prices, its overages, and its minimum spend where that is no price of its own."""
    for price in package.prices or ():
        yield "", price
    for price in package.overage_prices or ():
        yield keys.OVERAGE, price
    priced_minimum = {p.billing_period for p in package.prices or () if p.billing_model == "MINIMUM_SPEND"}
    for minimum in package.minimum_spend or ():
        if minimum.billing_period and minimum.billing_period not in priced_minimum:
            id = minimum_id(minimum.billing_period, kind, package.ref_id, package.version_number)
            yield "", minimum_price(id, minimum, minimum.billing_period)


def minimum_id(period: str, *owner: object) -> str:
    """The id of a minimum spend that Stigg gives no price of its own; ``owner`` is its plan's version or its subscription."""
    return ":".join(map(str, ("minimum", *owner, period)))


def minimum_price(id: str, minimum: Minimum, period: str) -> Price:
    return Price(id=id, billing_model="MINIMUM_SPEND", billing_period=period, price=minimum.minimum)


def refuse_twins(kind: str, package: Package, made: Iterable[Made]) -> None:
    """Raises RowFailed where two prices of a package would hold one name."""
    seen: set[str] = set()
    for _, _, v in made:
        slot = keys.slot_of(v.key)
        if slot in seen:
            raise RowFailed(
                ReasonCode.AMBIGUOUS_CHARGE, f"the {kind} {package.ref_id} has two prices {slot.partition(':')[2]}."
            )
        seen.add(slot)


def refusal(kind: str, package: Package) -> EntityStatus | None:
    """Why a package has nothing in Stripe, if so."""
    if package.pricing_type == "FREE":
        return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, ReasonCode.FREE)
    if package.pricing_type == "CUSTOM":
        return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, ReasonCode.CUSTOM_PRICE)
    if package.status == PackageStatus.DRAFT:
        return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, ReasonCode.DRAFT)
    if not package.prices and package.status == PackageStatus.PUBLISHED:
        detail = f"The {kind} {package.ref_id} is paid and has no price; set one in Stigg."
        return EntityStatus(kind, package.ref_id, Status.ERROR, ReasonCode.NO_PRICE, detail)
    return None


def unpublished(kind: str, package: Package) -> EntityStatus:
    reason = ReasonCode.ARCHIVED if package.status == PackageStatus.ARCHIVED else ReasonCode.DRAFT
    return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, reason)


def needs(inputs: Inputs, own: Iterable[Claim]) -> Iterator[tuple[str, str]]:
    """(subscription, what it needs of the catalog's past): versions of packages, and products of prices of its own.

    A version is needed by a subscription that is or can become billable. ``own`` are the claims of prices of their own.
    """
    for subscription in inputs.stigg.subscriptions:
        if subscription.status not in BILLABLE:
            continue
        id, plan = subscription.subscription_id, subscription.plan
        yield id, need("plan", plan.ref_id, plan.version_number)
        yield from ((id, need("addon", a.addon.ref_id, a.addon.version_number)) for a in subscription.addons or ())
        for update in subscription.future_updates or ():
            if (target := update.target_package) is not None:
                yield from ((id, need(kind, target.ref_id, target.version_number)) for kind in ("plan", "addon"))
    for claim in own:
        if claim.entity is not None:
            yield claim.entity[1], str(claim.facts["product"])


def need(kind: str, ref_id: str, version: int | None) -> str:
    """One version of a package as something that is needed."""
    return f"{kind}:{ref_id}@{version}"


def package_claims(inputs: Inputs, kind: str, package: Package, made: Sequence[Made], *, current: bool) -> list[Claim]:
    """The claims of one version of a package: its products and slots if it is current, its price versions always."""
    claims = [version_claim(inputs, (kind, package.ref_id), v) for _, _, v in made]
    if not current:
        return claims
    own = inputs.package_product(kind, package.ref_id)
    claims.append(product_claim(inputs, (kind, package.ref_id), own, display_names.package_name(kind, package)))
    defaults = default_slots(made)
    for _, price, v in made:
        if v.product != own:
            name = display_names.charge_name(kind, package, price, variant=v.variant)
            claims.append(product_claim(inputs, v.entity, v.product, name))
        claims.append(slot_claim(inputs, v, default=v.key in defaults))
    return claims


def default_slots(made: Iterable[Made]) -> set[str]:
    """The default price of each charge's product: the first of monthly before annual, everywhere before a country."""
    order = sorted(made, key=lambda m: (m[1].billing_period != "MONTHLY", m[1].billing_country_code or ""))
    first: dict[str, str] = {}
    for _, _, v in order:
        first.setdefault(v.product, v.key)
    return set(first.values())


def own_metadata(inputs: Inputs, kind: str, id: str, key: str) -> Document:
    """The metadata that each of our objects carries (BILLING 11); the mark is shown as the key that it proves."""
    return {"stiggEntityId": id, "stiggEntityUrl": inputs.entity_url(kind, id), ownership.FIELD: key}


def product_claim(inputs: Inputs, entity: tuple[str, str], key: str, name: str) -> Claim:
    document = {
        "name": name,
        "active": True,
        "tax_code": inputs.environment.stripe.tax_code if inputs.environment.stripe.tax else None,
        "metadata": own_metadata(inputs, *entity, key),
    }
    return Claim(PRODUCT, key, compact(document), entity)


def slot_claim(inputs: Inputs, v: PriceVersion, *, default: bool) -> Claim:
    """What holds the lookup_key of a slot."""
    document = {**encode(v.content), "product": v.product, "active": True, "default": default}
    return Claim(PRICE, keys.slot_of(v.key), document, v.entity, facts={"version": v.key})


def version_claim(inputs: Inputs, entity: tuple[str, str], v: PriceVersion) -> Claim:
    """A price that has to be usable, whether or not it holds its slot."""
    document = {
        "active": True,
        "tax_behavior": inputs.environment.stripe.tax_behavior if inputs.environment.stripe.tax else None,
        "metadata": own_metadata(inputs, *v.entity, v.key),
    }
    facts: dict[str, Any] = {"content": encode(v.content), "product": v.product}
    return Claim(PRICE_VERSION, v.key, compact(document), entity, facts=facts)


def retired_products(
    inputs: Inputs, claims: Mapping[str, Claim], statuses: Sequence[EntityStatus], needed: Collection[str]
) -> Iterator[Claim]:
    """Linked products of packages that were archived, and of charges that a package no longer has.

    They stay as they are while anybody is on one of their prices, and are inactive after that. Nothing is deleted.
    """
    of_packages = current_packages(statuses) | archived_packages(statuses)
    named = {n for n in needed if keys.LinkKey.parse(n).kind == PRODUCT}
    in_use = {c.facts["product"] for c in claims.values() if c.kind == PRICE_VERSION} | named
    packages_in_use = {keys.package_of(product) for product in in_use}
    for key, product in linked_products(inputs):
        package = keys.package_of(key)
        if key in claims or package not in of_packages:
            continue
        is_whole = key == inputs.package_product_of(key)
        is_used = package in packages_in_use if is_whole else key in in_use
        entity = (package[0], keys.unescaped(package[1]))
        claim = product_claim(inputs, entity, key, product.name)
        yield replace(claim, document=compact({**claim.document, "active": is_used}))


def linked_products(inputs: Inputs) -> Iterator[tuple[str, StripeProduct]]:
    """Yield (link key, product) of the linked products that Stripe has."""
    for key, id in inputs.links.ids.items():
        product = inputs.stripe.products.get(id)
        if product is not None and not product.deleted and keys.LinkKey.parse(key).kind == PRODUCT:
            yield key, product


def current_packages(statuses: Iterable[EntityStatus]) -> frozenset[tuple[str, str]]:
    """Return (kind, escaped refId) of the packages that are sold: those of which a write may follow."""
    return _packages(statuses, ReasonCode.WAITS_FOR_WRITE)


def archived_packages(statuses: Iterable[EntityStatus]) -> frozenset[tuple[str, str]]:
    """Return (kind, escaped refId) of the packages that were archived in Stigg."""
    return _packages(statuses, ReasonCode.ARCHIVED)


def _packages(statuses: Iterable[EntityStatus], reason: ReasonCode) -> frozenset[tuple[str, str]]:
    packages = (s for s in statuses if s.reason is reason and s.kind in (EntityKind.PLAN, EntityKind.ADDON))
    return frozenset((s.kind, keys.part(s.id)) for s in packages)
