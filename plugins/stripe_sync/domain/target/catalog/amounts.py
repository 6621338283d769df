"""Amounts of Stigg prices in minor units and by block, and tiers as Stripe has them (BILLING 3)."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from stripe_sync.core import money
from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model import price_content
from stripe_sync.domain.model.price_content import (
    Tiered,
    TiersMode,
)
from stripe_sync.domain.model.stigg import Price, Tier

TIERS_MODES = {"GRADUATED": TiersMode.GRADUATED, "VOLUME": TiersMode.VOLUME}
ONE = Decimal(1)


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


def unsupported(what: str) -> EntityError:
    """Return the error of an unsupported pricing model."""
    return EntityError(ReasonCode.PRICING_MODEL_NOT_SUPPORTED, f"{what} is not supported.")
