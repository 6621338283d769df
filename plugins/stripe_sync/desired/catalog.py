"""Products and prices that the published catalog, and those still subscribed to its past, want in Stripe (BILLING 1-3)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from stripe_sync import keys, marker, money, periods
from stripe_sync.desired import names
from stripe_sync.desired.inputs import BILLABLE, Inputs
from stripe_sync.errors import RowFailed
from stripe_sync.model.documents import PRICE, PRICE_VERSION, PRODUCT, Claim, Document
from stripe_sync.model.status import EntityStatus, Reason, Status
from stripe_sync.model.stigg_side import Package, Price

SUPPORTED = frozenset({"FLAT_FEE", "PER_UNIT"})


@dataclass(frozen=True)
class PriceVersion:
    """One content of one price. ``key`` is its version key; ``unit_amount`` is in minor units a unit and period."""

    key: str
    product: str
    content: Mapping[str, Any]
    entity: tuple[str, str]

    @property
    def currency(self) -> str:
        return str(self.content["currency"])

    @property
    def per_month(self) -> Decimal:
        """Minor units a unit and month: a year's price by twelve."""
        months = 12 if self.content["interval"] == "year" else 1
        return Decimal(self.content["unit_amount"]) / months


@dataclass(frozen=True)
class Catalog:
    """The catalog's claims, its statuses, and every price version by the id of Stigg's price."""

    claims: list[Claim]
    statuses: list[EntityStatus]
    versions: Mapping[str, PriceVersion]


def catalog(inputs: Inputs) -> Catalog:
    """The catalog of one environment."""
    claims: dict[str, Claim] = {}
    statuses = [
        EntityStatus("product", p.ref_id, Status.NO_SYNC_REQUIRED, Reason.NOT_MAPPED) for p in inputs.stigg.products
    ]
    versions: dict[str, PriceVersion] = {}
    needed = needed_versions(inputs)
    for kind, package in inputs.stigg.packages():
        current = package.is_latest is True and package.status == "PUBLISHED"
        refused = refusal(kind, package)
        try:
            made = [version(inputs, kind, package, price) for price in package.prices or ()] if refused is None else []
        except RowFailed as failure:
            refused, made = EntityStatus(kind, package.ref_id, Status.ERROR, Reason(failure.reason), failure.detail), []
        versions |= {price.id: v for price, v in zip(package.prices or (), made, strict=False)}
        if refused is None and (current or (kind, package.ref_id, package.version_number) in needed):
            new = package_claims(inputs, kind, package, made, current=current)
            claims |= {claim.key: claim for claim in new if current or claim.key not in claims}
        if current:
            statuses.append(refused or EntityStatus(kind, package.ref_id, Status.PENDING, Reason.WAITS_FOR_WRITE))
        elif package.is_latest is not False:
            statuses.append(refused or unpublished(kind, package))
    return Catalog(list(claims.values()), statuses, versions)


def refusal(kind: str, package: Package) -> EntityStatus | None:
    """Why a package has nothing in Stripe, if so."""
    if package.pricing_type == "FREE":
        return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, Reason.FREE)
    if package.pricing_type == "CUSTOM":
        return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, Reason.CUSTOM_PRICE)
    if package.status == "DRAFT":
        return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, Reason.DRAFT)
    if not package.prices and package.status == "PUBLISHED":
        detail = f"The {kind} {package.ref_id} is paid and has no price; set one in Stigg."
        return EntityStatus(kind, package.ref_id, Status.ERROR, Reason.NO_PRICE, detail)
    return None


def unpublished(kind: str, package: Package) -> EntityStatus:
    reason = Reason.ARCHIVED if package.status == "ARCHIVED" else Reason.DRAFT
    return EntityStatus(kind, package.ref_id, Status.NO_SYNC_REQUIRED, reason)


def needed_versions(inputs: Inputs) -> set[tuple[str, str, int | None]]:
    """(kind, refId, version) of each package that a subscription which is or can become billable refers to."""
    needed = set()
    for subscription in inputs.stigg.subscriptions:
        if subscription.status in BILLABLE:
            needed.add(("plan", subscription.plan.ref_id, subscription.plan.version_number))
            needed |= {("addon", a.addon.ref_id, a.addon.version_number) for a in subscription.addons or ()}
    return needed


def version(inputs: Inputs, kind: str, package: Package, price: Price) -> PriceVersion:
    """The version of one price. Raises RowFailed where what it costs is not known."""
    where = f"the {kind} {package.ref_id}, charge {price.feature.ref_id if price.feature else 'flat fee'}"
    if price.billing_model not in SUPPORTED or price.billing_cadence != "RECURRING" or price.tiers:
        shape = "tiered " if price.tiers else "one-off " if price.billing_cadence != "RECURRING" else ""
        raise RowFailed(
            "PRICING_MODEL_NOT_SUPPORTED", f"{where}: the {shape}pricing model {price.billing_model} is not supported."
        )
    if price.block_size not in (None, Decimal(0), Decimal(1)):
        raise RowFailed("PRICING_MODEL_NOT_SUPPORTED", f"{where}: blocks of {price.block_size} are not supported.")
    if price.billing_period not in periods.INTERVALS:
        raise RowFailed(
            "PRICING_MODEL_NOT_SUPPORTED", f"{where}: the billing period {price.billing_period} is unknown."
        )
    if price.price is None:
        raise RowFailed("NO_PRICE", f"{where}: Stigg gives no amount.")
    minor = money.to_minor(price.price.amount, price.price.currency)
    if minor < 0 or (price.billing_model == "FLAT_FEE" and not money.is_chargeable(minor, price.price.currency)):
        raise RowFailed("BAD_AMOUNT", f"{where}: {price.price.amount} {price.price.currency} cannot be charged.")
    content = {
        "currency": price.price.currency.lower(),
        "unit_amount": money.plain(minor),
        "interval": periods.INTERVALS[price.billing_period],
        "interval_count": "1",
        "usage_type": "licensed",
        "billing_scheme": "per_unit",
    }
    product = charge_product(inputs, kind, package, price)
    return PriceVersion(keys.version_key(slot(inputs, kind, package, price), content_hash(content)), product, content,
                        (kind, package.ref_id))  # fmt: skip


def content_hash(content: Mapping[str, Any]) -> str:
    """What tells two contents of one price apart."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def charge_part(price: Price) -> str:
    return keys.feature_part(price.feature.ref_id) if price.feature else keys.FLAT


def slot(inputs: Inputs, kind: str, package: Package, price: Price) -> str:
    """The link key of a price's slot; without its first part it is the lookup_key."""
    name = keys.price_slot(
        inputs.environment.name,
        kind,
        package.ref_id,
        charge=charge_part(price),
        period=price.billing_period,
        country=price.billing_country_code,
    )
    return keys.link_key("price", name)


def charge_product(inputs: Inputs, kind: str, package: Package, price: Price) -> str:
    """The link key of the product of a charge."""
    id = keys.product_id(inputs.environment.name, kind, package.ref_id, charge_part(price))
    return keys.link_key("product", id)


def package_claims(
    inputs: Inputs, kind: str, package: Package, versions: Iterable[PriceVersion], *, current: bool
) -> list[Claim]:
    """The claims of one version of a package: its products and slots if it is current, its price versions always."""
    priced = list(zip(package.prices or (), versions, strict=True))
    claims = [version_claim(inputs, kind, package, v) for _, v in priced]
    if not current:
        return claims
    claims.append(product_claim(inputs, kind, package, keys.link_key(
        "product", keys.product_id(inputs.environment.name, kind, package.ref_id)), names.package_name(kind, package)))  # fmt: skip
    defaults = default_slots(priced)
    for price, v in priced:
        claims.append(product_claim(inputs, kind, package, v.product, names.charge_name(kind, package, price)))
        claims.append(slot_claim(v, default=v.key in defaults))
    return claims


def default_slots(priced: Iterable[tuple[Price, PriceVersion]]) -> set[str]:
    """The default price of each charge's product: the first of monthly before annual, everywhere before a country."""
    order = sorted(priced, key=lambda p: (p[0].billing_period != "MONTHLY", p[0].billing_country_code or ""))
    first: dict[str, str] = {}
    for _, v in order:
        first.setdefault(v.product, v.key)
    return set(first.values())


def own_metadata(inputs: Inputs, kind: str, id: str, key: str) -> Document:
    """The metadata that each of our objects carries (BILLING 11); the mark is shown as the key that it proves."""
    return {"stiggEntityId": id, "stiggEntityUrl": inputs.entity_url(kind, id), marker.FIELD: key}


def product_claim(inputs: Inputs, kind: str, package: Package, key: str, name: str) -> Claim:
    document = {"name": name, "active": True, "metadata": own_metadata(inputs, kind, package.ref_id, key)}
    return Claim(PRODUCT, key, document, (kind, package.ref_id))


def slot_claim(v: PriceVersion, *, default: bool) -> Claim:
    """What holds the lookup_key of a slot."""
    document = {**v.content, "product": v.product, "active": True, "default": default}
    return Claim(PRICE, keys.slot_of(v.key), document, v.entity, facts={"version": v.key})


def version_claim(inputs: Inputs, kind: str, package: Package, v: PriceVersion) -> Claim:
    """A price that has to be usable, whether or not it holds its slot."""
    document = {"active": True, "metadata": own_metadata(inputs, kind, package.ref_id, v.key)}
    facts = {"content": dict(v.content), "product": v.product}
    return Claim(PRICE_VERSION, v.key, document, v.entity, facts=facts)
