"""Target documents of the published catalog: products and prices (BILLING 1-3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from stripe_sync.core import keys, ownership
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import PRICE, PRICE_VERSION, PRODUCT, Document, ObjectDocument, compact
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.price_content import encode
from stripe_sync.domain.model.status import EntityStatus, Status
from stripe_sync.domain.model.stigg import Minimum, Package, Price
from stripe_sync.domain.model.stigg_status import PackageStatus
from stripe_sync.domain.target.catalog import display_names
from stripe_sync.domain.target.catalog.metered_prices import by_meter
from stripe_sync.domain.target.catalog.prices import PriceVersion, version

Charge = tuple[str, Price]  # (variant, empty for a feature's main charge; price)
ChargePrice = tuple[str, Price, PriceVersion]


@dataclass(frozen=True)
class CatalogEntry:
    """One version of a package: whether it is the published one, its status if it is not synced, and its charges."""

    kind: str
    package: Package
    current: bool
    refused: EntityStatus | None
    made: Sequence[ChargePrice]


@dataclass(frozen=True)
class Catalog:
    """The catalog: targets and statuses of published packages, and every price version by the price id in Stigg.

    ``failures`` are the errors of prices without a version. ``metered`` are the versions that a Stripe meter bills; such a
    price also has a placeholder version in ``versions``.
    """

    offers: Sequence[CatalogEntry]
    targets: Sequence[ObjectDocument]
    statuses: Sequence[EntityStatus]
    versions: Mapping[str, PriceVersion]
    failures: Mapping[str, EntityError] = field(default_factory=dict)
    metered: Mapping[str, PriceVersion] = field(default_factory=dict)


def catalog(inputs: Inputs) -> Catalog:
    """Return the published catalog, regardless of subscriptions."""
    targets: dict[str, ObjectDocument] = {}
    offers: list[CatalogEntry] = []
    statuses = [
        EntityStatus("product", p.ref_id, Status.NO_SYNC_REQUIRED, ReasonCode.NOT_MAPPED) for p in inputs.stigg.products
    ]
    versions: dict[str, PriceVersion] = {}
    metered: dict[str, PriceVersion] = {}
    failures: dict[str, EntityError] = {}
    for kind, package in inputs.stigg.packages():
        current = package.is_latest is True and package.status == PackageStatus.PUBLISHED
        charged = price_package(inputs, kind, package)
        failures |= charged.failures
        made, refused = charged.made, charged.refused or waits(inputs, kind, package)
        for _, price, v in made:
            # The version that a meter bills comes after the placeholder version.
            if v.metered and price.id in versions:
                metered[price.id] = v
            else:
                versions[price.id] = v
        offers.append(CatalogEntry(kind, package, current, refused, made))
        if current:
            new = package_documents(inputs, kind, package, made, current=True) if refused is None else []
            targets |= {target.key: target for target in new}
            statuses.append(refused or EntityStatus(kind, package.ref_id, Status.PENDING, ReasonCode.WAITS_FOR_WRITE))
        elif package.is_latest is not False:
            statuses.append(refused or unpublished(kind, package))
    return Catalog(offers, list(targets.values()), statuses, versions, failures, metered)


@dataclass(frozen=True)
class Charges:
    """The charges of a package with their versions, or its status if it is not synced; ``failures`` by the price id in Stigg."""

    made: Sequence[ChargePrice] = ()
    refused: EntityStatus | None = None
    failures: Mapping[str, EntityError] = field(default_factory=dict)


def price_package(inputs: Inputs, kind: str, package: Package) -> Charges:
    """Return a package's charges with their versions. The first failed charge fails its package."""
    refused = refusal(kind, package)
    if refused is not None:
        return Charges(refused=refused)
    made: list[ChargePrice] = []
    for variant, price in charges(kind, package):
        try:
            v = version(inputs, kind, package, price, variant=variant)
            counted = by_meter(inputs, v, kind, package, price)
        except EntityError as failure:
            return Charges(refused=failed(kind, package, failure), failures={price.id: failure})
        made += [(variant, price, each) for each in (v, counted) if each is not None]
    try:
        require_distinct_prices(kind, package, made)
    except EntityError as failure:
        return Charges(refused=failed(kind, package, failure))
    return Charges(made)


def failed(kind: str, package: Package, failure: EntityError) -> EntityStatus:
    """Return the status of a package that cannot be priced."""
    return EntityStatus(kind, package.ref_id, Status.ERROR, ReasonCode(failure.reason), failure.detail)


def waits(inputs: Inputs, kind: str, package: Package) -> EntityStatus | None:
    """Return the pending status of a package with a link suggestion, else None."""
    key = inputs.package_product(kind, package.ref_id)
    if key in inputs.links.ids or key not in inputs.suggestions:
        return None
    return EntityStatus(kind, package.ref_id, Status.PENDING, ReasonCode.CANDIDATE, inputs.suggestions[key])


def charges(kind: str, package: Package) -> Iterator[Charge]:
    """Yield every charge of a package: prices, overages, and a minimum spend without its own price."""
    for price in package.prices or ():
        yield "", price
    for price in package.overage_prices or ():
        yield keys.OVERAGE, price
    minimum_periods = {p.billing_period for p in package.prices or () if p.billing_model == "MINIMUM_SPEND"}
    for minimum in package.minimum_spend or ():
        if minimum.billing_period and minimum.billing_period not in minimum_periods:
            id = minimum_id(minimum.billing_period, kind, package.ref_id, package.version_number)
            yield "", minimum_price(id, minimum, minimum.billing_period)


def minimum_id(period: str, *owner: str | int | None) -> str:
    """Return the id of a minimum spend without its own price; ``owner`` is the plan's version or the subscription."""
    return ":".join(map(str, ("minimum", *owner, period)))


def minimum_price(id: str, minimum: Minimum, period: str) -> Price:
    return Price(id=id, billing_model="MINIMUM_SPEND", billing_period=period, price=minimum.minimum)


def require_distinct_prices(kind: str, package: Package, made: Iterable[ChargePrice]) -> None:
    """Raise EntityError where two prices of a package have the same key."""
    seen: set[str] = set()
    for _, _, v in made:
        slot = keys.slot_of(v.key)
        if slot in seen:
            raise EntityError(
                ReasonCode.AMBIGUOUS_CHARGE, f"the {kind} {package.ref_id} has two prices {slot.partition(':')[2]}."
            )
        seen.add(slot)


def refusal(kind: str, package: Package) -> EntityStatus | None:
    """Return the status of a package that is not synced, else None."""
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


def package_documents(
    inputs: Inputs, kind: str, package: Package, made: Sequence[ChargePrice], *, current: bool
) -> list[ObjectDocument]:
    """Return the targets of one version of a package: price versions, and products and prices if it is the published one."""
    targets = [version_document(inputs, (kind, package.ref_id), v) for _, _, v in made]
    if not current:
        return targets
    own = inputs.package_product(kind, package.ref_id)
    targets.append(product_document(inputs, (kind, package.ref_id), own, display_names.package_name(kind, package)))
    defaults = default_slots(made)
    for _, price, v in made:
        if v.product != own:
            name = display_names.charge_name(kind, package, price, variant=v.variant)
            targets.append(product_document(inputs, v.entity, v.product, name))
        targets.append(price_key_document(inputs, v, default=v.key in defaults))
    return targets


def default_slots(made: Iterable[ChargePrice]) -> set[str]:
    """Return the keys of default prices, one per product: monthly before annual, no country before a country."""
    order = sorted(made, key=lambda m: (m[1].billing_period != "MONTHLY", m[1].billing_country_code or ""))
    first: dict[str, str] = {}
    for _, _, v in order:
        first.setdefault(v.product, v.key)
    return set(first.values())


def own_metadata(inputs: Inputs, kind: str, id: str, key: str) -> Document:
    """Return the metadata of our objects (BILLING 11); the ownership marker is represented by its link key."""
    return {"stiggEntityId": id, "stiggEntityUrl": inputs.entity_url(kind, id), ownership.FIELD: key}


def product_document(inputs: Inputs, entity: tuple[str, str], key: str, name: str) -> ObjectDocument:
    document = {
        "name": name,
        "active": True,
        "tax_code": inputs.environment.stripe.tax_code if inputs.environment.stripe.tax else None,
        "metadata": own_metadata(inputs, *entity, key),
    }
    return ObjectDocument(PRODUCT, key, compact(document), entity)


def price_key_document(inputs: Inputs, v: PriceVersion, *, default: bool) -> ObjectDocument:
    """Return the target of a price: the version that has its lookup_key."""
    document = {**encode(v.content), "product": v.product, "active": True, "default": default}
    return ObjectDocument(PRICE, keys.slot_of(v.key), document, v.entity, facts={"version": v.key})


def version_document(inputs: Inputs, entity: tuple[str, str], v: PriceVersion) -> ObjectDocument:
    """Return the target of a price version, which must be active."""
    document = {
        "active": True,
        "tax_behavior": inputs.environment.stripe.tax_behavior if inputs.environment.stripe.tax else None,
        "metadata": own_metadata(inputs, *v.entity, v.key),
    }
    facts: dict[str, Any] = {"content": encode(v.content), "product": v.product}
    return ObjectDocument(PRICE_VERSION, v.key, compact(document), entity, facts=facts)
