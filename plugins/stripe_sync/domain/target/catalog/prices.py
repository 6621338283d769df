"""Price versions: the content and the key of a Stigg price in Stripe (BILLING 1 and 3).

The content of a Stripe price is immutable. A usage charge has a placeholder price of 0 for its item; its amounts are billed
by the usage job, from Stigg's price.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Any

from stripe_sync.core import keys, money, periods
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model import price_content
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.price_content import (
    PerUnit,
    PriceContent,
    Recurrence,
    Tiered,
    TiersMode,
    TransformQuantity,
    UsageType,
    encode,
)
from stripe_sync.domain.model.stigg import Package, Price, Tier

MODELS = frozenset({"FLAT_FEE", "PER_UNIT", "USAGE_BASED", "MINIMUM_SPEND"})
TIERS_MODES = {"GRADUATED": TiersMode.GRADUATED, "VOLUME": TiersMode.VOLUME}
ONE = Decimal(1)


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
    inputs: Inputs, kind: str, package: Package, price: Price, *, variant: str, subscription: str | None = None,
    metered: bool = False,
) -> str:  # fmt: skip
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


def tiered(where: str, price: Price, given: Sequence[Tier]) -> Tiered:
    """Return tiers in Stripe's form; with blocks, quantities and tier bounds are numbers of blocks (BILLING 3)."""
    if price.billing_cadence == "ONE_OFF":
        raise unsupported(f"{where}: a one-off charge by tiers")
    if price.tiers_mode not in TIERS_MODES:
        raise unsupported(f"{where}: the tiers mode {price.tiers_mode}")
    if given[-1].up_to is not None:
        raise EntityError(
            ReasonCode.BAD_AMOUNT, f"{where}: the last tier ends at {given[-1].up_to}; it must have no end."
        )
    currency, block = currency_of(where, price), block_of(price)
    tiers = tuple(tier_content(where, tier, currency, block) for tier in given)
    return Tiered(TIERS_MODES[price.tiers_mode], tiers)


def tier_content(where: str, tier: Tier, currency: str, block: Decimal) -> price_content.Tier:
    bound = None if tier.up_to is None else tier.up_to / block
    if bound is not None and (bound != bound.to_integral_value() or bound <= 0):
        raise EntityError(
            ReasonCode.BAD_AMOUNT, f"{where}: a tier ends at {tier.up_to}, which is no whole number of blocks."
        )
    flat, unit = tier.flat_price, tier.unit_price
    return price_content.Tier(
        up_to=None if bound is None else int(bound),
        unit_amount=minor(where, unit.amount, currency, whole=False) if unit else Decimal(0),
        flat_amount=minor(where, flat.amount, currency, whole=True) if flat else Decimal(0),
    )


def currency_of(where: str, price: Price) -> str:
    """Return the currency of a price or of its tiers. Raises EntityError where it is unknown, mixed or not in Stripe."""
    parts = [price.price] + [part for tier in price.tiers or () for part in (tier.unit_price, tier.flat_price)]
    found = {part.currency.lower() for part in parts if part is not None}
    if not found:
        raise EntityError(ReasonCode.NO_PRICE, f"{where}: Stigg gives no amount.")
    if len(found) > 1:
        raise EntityError(ReasonCode.MIXED_CURRENCIES, f"{where}: its tiers are in {', '.join(sorted(found))}.")
    (currency,) = found
    if currency in money.NOT_AT_STRIPE:
        raise EntityError(ReasonCode.BAD_AMOUNT, f"{where}: Stripe does not have the currency {currency.upper()}.")
    return currency


def minor(where: str, amount: Decimal, currency: str, *, whole: bool) -> Decimal:
    """Convert to minor units; with ``whole`` the amount must be chargeable as it is. Raises EntityError."""
    value = money.to_minor(amount, currency)
    if value < 0 or (whole and not money.is_chargeable(value, currency)) or value != round(value, 12):
        raise EntityError(ReasonCode.BAD_AMOUNT, f"{where}: {amount} {currency.upper()} cannot be charged.")
    if currency.lower() in money.WHOLE_UNITS and value == value.to_integral_value() and value % 100:
        raise EntityError(
            ReasonCode.BAD_AMOUNT, f"{where}: {amount} {currency.upper()} cannot be charged; it has no decimals."
        )
    return value


def block_of(price: Price) -> Decimal:
    return price.block_size if price.block_size else ONE


def content_hash(content: Mapping[str, Any]) -> str:
    """Return the hash of a price's content."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def unsupported(what: str) -> EntityError:
    """Return the error of an unsupported pricing model."""
    return EntityError(ReasonCode.PRICING_MODEL_NOT_SUPPORTED, f"{what} is not supported.")
