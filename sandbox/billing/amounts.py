"""The amount of a price for a quantity, in minor units.

Each line is rounded half up to a whole minor unit, then lines are summed (reference/currencies.md, 3).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

from sandbox.world.state import Obj, World


def round_half_up(value: Decimal) -> int:
    return int(value.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def round_item(world: World, value: Decimal) -> int:
    """Return the amount of an invoice item, or of a metered line, in whole minor units; ties as the world says."""
    way = ROUND_HALF_UP if world.unknowns["item_ties_up"] else ROUND_HALF_EVEN
    return int(value.quantize(Decimal(1), rounding=way))


def round_proration(value: Fraction, *, floors: bool) -> int:
    """Round a proration to minor units: down, or to the nearest with ties towards minus infinity (SB 5.2, C9)."""
    return math.floor(value) if floors else math.ceil(value - Fraction(1, 2))


def unit(part: Obj, name: str) -> Decimal:
    """``unit_amount_decimal`` if given, else ``unit_amount``, else 0 (the same for ``flat_amount``)."""
    exact = part.get(f"{name}_decimal")
    return Decimal(str(exact)) if exact is not None else Decimal(part.get(name) or 0)


@dataclass(frozen=True)
class Part:
    """The charge of one line of a price: ``unit`` in minor units; a flat fee has quantity 0; ``tier`` counts from 1."""

    quantity: Decimal
    unit: Decimal
    flat: bool = False
    tier: int | None = None

    @property
    def exact(self) -> Decimal:
        return self.unit if self.flat else self.quantity * self.unit


def parts(price: Obj, quantity: int) -> Iterator[Part]:
    """Yield the lines of a licensed price for a whole period: a graduated tier is a line, its flat fee another (T1)."""
    if price["billing_scheme"] != "tiered" or price["tiers_mode"] == "volume":
        exact = exact_amount(price, quantity)
        if price["billing_scheme"] == "tiered" or price.get("transform_quantity"):
            yield Part(Decimal(quantity), exact, flat=True)
        else:
            yield Part(Decimal(quantity), unit(price, "unit_amount"))
        return
    below = Decimal(0)
    for number, tier in enumerate(price["tiers"], 1):
        top = tier["up_to"]
        last = top is None or quantity <= top
        inside = (Decimal(quantity) if last else Decimal(top)) - below
        yield Part(inside, unit(tier, "unit_amount"), tier=number)
        if unit(tier, "flat_amount"):
            yield Part(Decimal(0), unit(tier, "flat_amount"), flat=True, tier=number)
        if last:
            return
        below = Decimal(top)


def exact_amount(price: Obj, quantity: int) -> Decimal:
    """Quantity × price by the price's scheme, before rounding."""
    if price["billing_scheme"] == "tiered":
        return tiered(price["tiers"], price["tiers_mode"], Decimal(quantity))
    count = Decimal(quantity)
    if transform := price.get("transform_quantity"):
        rounding = ROUND_CEILING if transform["round"] == "up" else ROUND_FLOOR
        count = (count / transform["divide_by"]).to_integral_value(rounding)
    return count * unit(price, "unit_amount")


def tiered(tiers: list[Obj], mode: str, quantity: Decimal) -> Decimal:
    """Volume: all units at the tier that holds the total. Graduated: each tier's units at its own price."""
    total, below = Decimal(0), Decimal(0)
    for tier in tiers:
        top = tier["up_to"]
        last = top is None or quantity <= top
        if mode == "volume":
            if last:
                return unit(tier, "flat_amount") + quantity * unit(tier, "unit_amount")
            continue
        inside = (quantity if last else Decimal(top)) - below
        if inside > 0 or not below:  # the first tier's flat fee is billed at 0 as well
            total += unit(tier, "flat_amount") + inside * unit(tier, "unit_amount")
        if last:
            return total
        below = Decimal(top)
    raise ValueError("the last tier is not open")


def amount(price: Obj, quantity: int) -> int:
    """Return the amount of one line for a whole period, rounded half up."""
    return round_half_up(exact_amount(price, quantity))
