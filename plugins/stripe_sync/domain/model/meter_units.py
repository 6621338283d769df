"""Charges that a Stripe meter can bill (BILLING 8): a price of the same amounts, and the unit that is counted.

A meter counts whole numbers here: 10^-decimals of the feature's unit each, so that what it has counted can be compared
exactly. Stripe prices what it counted; a charge that Stripe cannot price equally is billed by our own lines.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import msgspec

from stripe_sync.core import money
from stripe_sync.domain.model.price_content import ZERO, PerUnit, PriceContent, Rounding, Tiered, TransformQuantity
from stripe_sync.domain.model.stripe import StripePrice
from stripe_sync.domain.model.tariffs import of_content

MAX_METER_DIGITS, MOST_DECIMALS, UNIT_DECIMALS = 15, 9, 12


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """The meter and the price by which an item bills a charge; one counted is 10^-``decimals`` of the feature's unit."""

    id: str
    price: str
    decimals: int = 0

    def counted(self, quantity: Decimal) -> Decimal:
        """A quantity of the feature as the meter counts it."""
        return quantity.scaleb(self.decimals)

    def quantity(self, counted: Decimal) -> Decimal:
        """Return a number that the meter counted in units of the feature."""
        return counted.scaleb(-self.decimals)

    def can_count(self, quantity: Decimal) -> bool:
        """Return whether a quantity is a whole number of at most 15 digits in units of the meter."""
        counted = self.counted(quantity)
        return counted == counted.to_integral_value() and len(str(abs(int(counted)))) <= MAX_METER_DIGITS


class ChargeAmounts(msgspec.Struct, frozen=True, kw_only=True):
    """Price of a charge without its billing interval (see usage.terms.Terms)."""

    content: PriceContent
    block: Decimal = Decimal(1)
    divide: Decimal = Decimal(1)
    round: str = "UP"
    plain: bool = True


def content(amounts: ChargeAmounts, decimals: int) -> PriceContent | None:
    """Return the price of a meter that bills the same, its interval left open.

    None where Stripe has no such price: an overage, a minimum, blocks in tiers.
    """
    if not amounts.plain:
        return None
    scale = Decimal(10) ** decimals
    made: PerUnit | Tiered | None
    match amounts.content.scheme:
        case Tiered() as scheme if scheme.tiers:
            made = _metered_tiers(scheme, scale) if amounts.block == 1 and amounts.divide == 1 else None
        case PerUnit() as scheme:
            made = _metered_units(scheme, amounts, scale)
        case _:
            made = None
    return replace(amounts.content, scheme=made, recurrence=None) if made is not None else None


def _metered_tiers(scheme: Tiered, scale: Decimal) -> Tiered | None:
    tiers = tuple(
        replace(
            tier,
            up_to=None if tier.up_to is None else int(tier.up_to * scale),
            unit_amount=tier.unit_amount / scale,
        )
        for tier in scheme.tiers
    )
    return replace(scheme, tiers=tiers) if all(fits(tier.unit_amount) for tier in tiers) else None


def _metered_units(scheme: PerUnit, charge: ChargeAmounts, scale: Decimal) -> PerUnit | None:
    packages = scheme.transform_quantity
    if packages is not None and charge.divide != 1:
        return None
    divide = Decimal(packages.divide_by) if packages else charge.divide
    if divide == 1:
        unit = (scheme.unit_amount or ZERO) / scale
        return replace(scheme, unit_amount=unit) if fits(unit) else None
    counted = divide * scale
    if counted != int(counted):
        return None
    rounding = packages.round if packages else Rounding(charge.round.lower())
    return replace(scheme, transform_quantity=TransformQuantity(int(counted), rounding))


def fits(unit: Decimal) -> bool:
    return unit == round(unit, UNIT_DECIMALS)


def meter_of(amounts: ChargeAmounts, price: StripePrice | None, *, preferred: int = 0) -> Meter | None:
    """The meter of an item's price, if it bills what the charge costs; None for any other price."""
    if price is None or price.recurring is None or not price.recurring.meter:
        return None
    held = replace(price.content(), recurrence=None)
    for decimals in (preferred, *range(MOST_DECIMALS + 1)):
        if content(amounts, decimals) == held:
            return Meter(id=price.recurring.meter, price=price.id, decimals=decimals)
    return None


def expected(amounts: ChargeAmounts, meter: Meter, quantity: Decimal) -> tuple[Decimal, int]:
    """Return (units, minor units) that the meter's price bills for a quantity; 0 for a negative one."""
    made = content(amounts, meter.decimals)
    tariff = of_content(made) if made is not None else None
    assert tariff is not None, "a meter's price has its amounts"
    lines = list(tariff.lines(max(Decimal(0), meter.counted(quantity))))
    units = sum((line.quantity for line in lines if not line.flat), Decimal(0))
    return units, sum(money.round_minor(line.quantity * line.unit_amount) for line in lines)
