"""What a meter of Stripe's can bill (BILLING 8): a price that costs the same as a charge, and the unit that is counted.

A meter counts whole numbers here: 10^-decimals of the feature's unit each, so that what it has counted can be compared
exactly. Stripe prices what it counted; a charge that Stripe cannot price alike is billed by lines of our own.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import msgspec

from stripe_sync.core import money
from stripe_sync.domain.model.stripe import StripePrice
from stripe_sync.domain.model.tariffs import of_content

MOST_DIGITS, MOST_DECIMALS, PLACES = 15, 9, 12
RHYTHM = ("interval", "interval_count", "usage_type", "meter")


class Meter(msgspec.Struct, frozen=True, kw_only=True):
    """The meter and the price by which an item bills a charge; one counted is 10^-``decimals`` of the feature's unit."""

    id: str
    price: str
    decimals: int = 0

    def counted(self, quantity: Decimal) -> Decimal:
        """A quantity of the feature as the meter counts it."""
        return quantity.scaleb(self.decimals)

    def quantity(self, counted: Decimal) -> Decimal:
        """What a number that the meter counted is of the feature."""
        return counted.scaleb(-self.decimals)

    def can_count(self, quantity: Decimal) -> bool:
        """Whether a quantity is a whole number of at most 15 digits to the meter."""
        counted = self.counted(quantity)
        return counted == counted.to_integral_value() and len(str(abs(int(counted)))) <= MOST_DIGITS


class Priced(msgspec.Struct, frozen=True, kw_only=True):
    """What a charge's price is made of, apart from its rhythm (see usage.terms.Terms)."""

    content: Mapping[str, Any]
    block: Decimal = Decimal(1)
    divide: Decimal = Decimal(1)
    round: str = "UP"
    plain: bool = True


def content(priced: Priced, decimals: int) -> dict[str, Any] | None:
    """The price of a meter that bills the same; None where Stripe has no such price: an overage, a minimum, blocks in tiers."""
    scale = Decimal(10) ** decimals
    given = {name: value for name, value in priced.content.items() if name not in RHYTHM}
    if not priced.plain:
        return None
    if given.get("tiers"):
        if priced.block != 1 or priced.divide != 1:
            return None
        tiers = [metered_tier(tier, scale) for tier in given["tiers"]]
        return given | {"tiers": tiers} if None not in tiers else None
    packs, _, way = str(given.get("divide_by", "1:up")).partition(":")
    if packs != "1" and priced.divide != 1:
        return None
    divide = Decimal(packs) * priced.divide
    if divide == 1:
        unit = Decimal(given["unit_amount"]) / scale
        return given | {"unit_amount": money.plain(unit)} if fits(unit) else None
    if divide * scale != int(divide * scale):
        return None
    how = way if packs != "1" else priced.round.lower()
    return given | {"divide_by": f"{int(divide * scale)}:{how}"}


def metered_tier(tier: Mapping[str, str], scale: Decimal) -> dict[str, str] | None:
    bound = tier["up_to"]
    top = bound if bound == "inf" else money.plain(Decimal(bound) * scale)
    if "unit_amount" not in tier:
        return {**tier, "up_to": top}
    unit = Decimal(tier["unit_amount"]) / scale
    return {**tier, "up_to": top, "unit_amount": money.plain(unit)} if fits(unit) else None


def fits(unit: Decimal) -> bool:
    return unit == round(unit, PLACES)


def meter_of(priced: Priced, price: StripePrice | None, *, preferred: int = 0) -> Meter | None:
    """The meter of an item's price, if it bills what the charge costs; None for any other price."""
    if price is None or price.recurring is None or not price.recurring.meter:
        return None
    held = {name: value for name, value in price.content().items() if name not in RHYTHM}
    for decimals in (preferred, *range(MOST_DECIMALS + 1)):
        if content(priced, decimals) == held:
            return Meter(id=price.recurring.meter, price=price.id, decimals=decimals)
    return None


def expected(priced: Priced, meter: Meter, quantity: Decimal) -> tuple[Decimal, int]:
    """(units, minor units) that the meter's price has to bill for a quantity; below nothing it is nothing."""
    tariff = of_content(content(priced, meter.decimals) or {})
    assert tariff is not None, "a meter's price has its amounts"
    lines = list(tariff.lines(max(Decimal(0), meter.counted(quantity))))
    units = sum((line.quantity for line in lines if not line.flat), Decimal(0))
    return units, sum(money.round_minor(line.quantity * line.unit_amount) for line in lines)
