"""Price versions: the content and the key of a Stigg price in Stripe (BILLING 1 and 3).

The content of a Stripe price is immutable. A usage charge has a placeholder price of 0 for its item; its amounts are billed
by the usage job, from Stigg's price.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from stripe_sync.core import keys, periods
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.price_content import (
    PerUnit,
    PriceContent,
    Recurrence,
    TransformQuantity,
    UsageType,
    encode,
)
from stripe_sync.domain.model.stigg import Package, Price
from stripe_sync.domain.target.catalog.amounts import ONE, block_of, currency_of, minor, tiered, unsupported

MODELS = frozenset({"FLAT_FEE", "PER_UNIT", "USAGE_BASED", "MINIMUM_SPEND"})


@dataclass(frozen=True)
class PriceVersion:
    """One version of a price. ``key`` is its version key, ``product`` the link key of its charge's product.

    ``block`` is the number of units per unit of the item's quantity.
    """

    key: str
    product: str
    content: PriceContent
    entity: tuple[str, str]
    variant: str = ""
    usage: bool = False
    once: bool = False
    block: Decimal = ONE

    @property
    def currency(self) -> str:
        return self.content.currency

    @property
    def metered(self) -> bool:
        """Return whether a Stripe meter bills it; such an item has no quantity."""
        return self.content.is_metered

    def quantity(self, units: Decimal) -> Decimal:
        """Return the quantity of an item for a number of units."""
        return (units / self.block).to_integral_value(ROUND_CEILING) if self.block != 1 else units


def version(
    inputs: Inputs, kind: str, package: Package, price: Price, *, variant: str = "", subscription: str | None = None
) -> PriceVersion:
    """Return the version of one price. Raises EntityError where its amount is unknown or not supported.

    ``subscription`` is the id of the subscription that overrides it.
    """
    where = f"the {kind} {package.ref_id}, charge {price.feature.ref_id if price.feature else 'flat fee'}"
    variant = variant or variant_of(price)
    usage = price.billing_model == "USAGE_BASED" or variant == keys.OVERAGE
    content = native_meter(inputs, price) if usage else None
    content = content or (anchor(where, price) if usage else charged(where, price))
    name = slot(inputs, kind, package, price, variant=variant, subscription=subscription)
    return PriceVersion(
        key=keys.version_key(name, content_hash(encode(content))),
        product=charge_product(inputs, kind, package, price, variant=variant),
        content=content,
        entity=(kind, package.ref_id),
        variant=variant,
        usage=usage,
        once=price.billing_cadence == "ONE_OFF",
        block=block_of(price) if price.tiers and not usage else ONE,
    )


def variant_of(price: Price) -> str:
    """Return the variant of a price's charge: minimum spend, one-off, or empty for a feature's main charge."""
    if price.billing_model == "MINIMUM_SPEND":
        return keys.MINIMUM
    return keys.ONE_OFF_VARIANT if price.billing_cadence == "ONE_OFF" else ""


def charge_part(price: Price, variant: str) -> str:
    """Return the part of a key for a charge of its package."""
    if variant == keys.MINIMUM:
        return variant
    return (keys.feature_part(price.feature.ref_id) if price.feature else keys.FLAT) + variant


def slot(
    inputs: Inputs,
    kind: str,
    package: Package,
    price: Price,
    *,
    variant: str,
    subscription: str | None = None,
    metered: bool = False,
) -> str:
    """Return the link key of a price; without its first part it is the lookup_key."""
    name = keys.price_slot(
        inputs.environment.name,
        kind,
        package.ref_id,
        charge=charge_part(price, variant) + (keys.METERED if metered else ""),
        period=price.billing_period,
        country=price.billing_country_code,
        subscription=subscription,
    )
    return keys.link_key("price", name)


def charge_product(inputs: Inputs, kind: str, package: Package, price: Price, *, variant: str) -> str:
    """Return the link key of a charge's product; an adopted price of the plan's product keeps that product."""
    own = inputs.package_product(kind, package.ref_id)
    adopted = inputs.stripe.prices.get(price.billing_id or "")
    if adopted is not None and adopted.id in inputs.links.keys and inputs.links.ids.get(own) == adopted.product:
        return own
    return inputs.package_product(kind, package.ref_id, charge_part(price, variant))


def native_meter(inputs: Inputs, price: Price) -> PriceContent | None:
    """Return the content of a metered price of the native integration for this charge, which is kept; else None (BILLING 8, 10)."""
    found = inputs.stripe.prices.get(price.billing_id or "")
    if found is None or found.recurring is None or found.recurring.usage_type != UsageType.METERED:
        return None
    return found.content()


def anchor(where: str, price: Price) -> PriceContent:
    """Return a placeholder price of 0 for a usage charge's item, so that its renewal creates a draft (BILLING 8)."""
    return PriceContent(
        currency=currency_of(where, price),
        scheme=PerUnit(unit_amount=Decimal(0)),
        recurrence=recurrence_of(where, price),
    )


def charged(where: str, price: Price) -> PriceContent:
    """Return the content of a charge in advance, by its pricing model. Raises EntityError."""
    if price.billing_model not in MODELS:
        raise unsupported(f"{where}: the pricing model {price.billing_model}")
    if price.billing_cadence not in ("RECURRING", "ONE_OFF"):
        raise unsupported(f"{where}: the cadence {price.billing_cadence}")
    currency, interval = currency_of(where, price), recurrence_of(where, price)
    scheme = tiered(where, price, price.tiers) if price.tiers else per_unit(where, price)
    return PriceContent(currency=currency, scheme=scheme, recurrence=interval)


def per_unit(where: str, price: Price) -> PerUnit:
    """Return the amount per unit, or per block of units. Raises EntityError."""
    if price.price is None:
        raise EntityError(ReasonCode.NO_PRICE, f"{where}: Stigg gives no amount.")
    is_flat = price.billing_model != "PER_UNIT"
    amount = minor(where, price.price.amount, price.price.currency, whole=is_flat)
    blocks = block_of(price)
    if blocks != blocks.to_integral_value():
        raise unsupported(f"{where}: blocks of {blocks} units")
    return PerUnit(unit_amount=amount, transform_quantity=TransformQuantity(int(blocks)) if blocks != 1 else None)


def recurrence_of(where: str, price: Price) -> Recurrence | None:
    """Return the interval of a recurring charge; None for a one-off charge. Raises EntityError."""
    if price.billing_cadence == "ONE_OFF":
        return None
    if price.billing_period not in periods.INTERVALS:
        raise unsupported(f"{where}: the billing period {price.billing_period}")
    return Recurrence(interval=periods.INTERVALS[price.billing_period])


def content_hash(content: Mapping[str, Any]) -> str:
    """Return the hash of a price's content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
