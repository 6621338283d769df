"""Total of a sale's first invoice in fractions: from Stigg's charges, and from the lines and prices that Stripe is given."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.oracles.tariffs import half_up

Obj = Mapping[str, Any]
CENTS = 100


@dataclass(frozen=True)
class Sale:
    """Charges of a plan and of add-ons as Stigg holds them, in US dollars; ``units`` by feature, ``addons`` as (charges, quantity).

    An add-on's quantity multiplies its first charge. A further fee is charged once, a further committed charge by its feature.
    """

    plan: list[dict[str, Any]]
    units: dict[str, int]
    addons: list[tuple[list[dict[str, Any]], int]]
    percent_off: int = 0
    cents_off: int = 0

    def total(self) -> int:
        """Return the cents that the first invoice bills before tax, from Stigg's charges alone."""
        amounts = [charge_cents(charge, self.quantity(charge)) for charge in self.plan]
        for charges, quantity in self.addons:
            first, *further = charges
            amounts.append(charge_cents(first, quantity))
            amounts += [charge_cents(charge, self.quantity(charge)) for charge in further]
        return discounted(amounts, percent_off=self.percent_off, cents_off=self.cents_off)

    def quantity(self, charge: Obj) -> int:
        """Return the committed units of a charge's feature; a fee has one."""
        return self.units[charge["feature"]["refId"]] if "feature" in charge else 1


def charge_cents(charge: Obj, quantity: int) -> Fraction:
    """Return the cents of one charge in advance; use is billed in arrears."""
    if charge["billingModel"] == "USAGE_BASED":
        return Fraction(0)
    blocks = math.ceil(Fraction(quantity, charge.get("blockSize", 1)))
    if "tiers" not in charge:
        return dollars(charge["price"]) * CENTS * blocks
    size = charge.get("blockSize", 1)
    tiers = [
        (None if t["upTo"] is None else t["upTo"] // size, dollars(t.get("unitPrice")), dollars(t.get("flatPrice")))
        for t in charge["tiers"]
    ]
    return tiered(blocks, tiers, volume=charge["tiersMode"] == "VOLUME") * CENTS


def dollars(money: Obj | None) -> Fraction:
    return Fraction(str(money["amount"])) if money else Fraction(0)


def tiered(quantity: int, tiers: list[tuple[int | None, Fraction, Fraction]], *, volume: bool) -> Fraction:
    """Return the amount of (up to, unit amount, flat amount): of the tier that is reached, or of each tier's own units."""
    total, below = Fraction(0), 0
    for up_to, unit, flat in tiers:
        is_reached = up_to is None or quantity <= up_to
        if volume and is_reached:
            return quantity * unit + flat
        if not volume:
            top = quantity if up_to is None else min(quantity, up_to)
            total += (top - below) * unit + (flat if top > below or not below else 0)
            below = top
            if is_reached:
                return total
    return total


def page_total(lines: Iterable[Obj], prices: Mapping[str, Obj], *, percent_off: int = 0, cents_off: int = 0) -> int:
    """Return the cents of a page's lines (price and quantity as text), priced as Stripe prices each content."""
    amounts = [price_cents(prices[line["price"]], int(line["quantity"])) for line in lines]
    return discounted(amounts, percent_off=percent_off, cents_off=cents_off)


def price_cents(content: Obj, quantity: int) -> Fraction:
    """Return the cents of a quantity of a Stripe price; its content has numbers as text."""
    if "divide_by" in content:
        size, _, direction = content["divide_by"].partition(":")
        assert direction == "up"
        quantity = math.ceil(Fraction(quantity, int(size)))
    if "tiers" not in content:
        return quantity * Fraction(content["unit_amount"])
    tiers = [
        (
            None if tier["up_to"] == "inf" else int(tier["up_to"]),
            Fraction(tier.get("unit_amount", 0)),
            Fraction(tier.get("flat_amount", 0)),
        )
        for tier in content["tiers"]
    ]
    return tiered(quantity, tiers, volume=content["tiers_mode"] == "volume")


def discounted(amounts: Iterable[Fraction], *, percent_off: int, cents_off: int) -> int:
    """Return the total of rounded lines after one discount, never below 0."""
    subtotal = sum(half_up(amount) for amount in amounts)
    return max(0, subtotal - half_up(Fraction(subtotal * percent_off, 100)) - cents_off)
