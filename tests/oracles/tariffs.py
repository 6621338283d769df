"""Tariffs of usage priced unit by unit in fractions, for stories that bill random months."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from sandbox.builder import tiered, usage
from sandbox.world.state import Obj

DIGITS = {"usd": 2, "eur": 2, "jpy": 0, "gbp": 2}
Step = tuple[int | None, str, str]  # up to, unit price and flat price in major units


@dataclass
class Tariff:
    """A price list of usage, in major units as text."""

    currency: str
    kind: str
    unit: str = "0"
    block: int = 1
    steps: list[Step] = field(default_factory=list)

    def charge(self) -> Obj:
        """Return the charge as Stigg holds it."""
        currency = self.currency.upper()
        if self.kind == "flat":
            more: dict[str, Any] = {"blockSize": self.block} if self.block > 1 else {}
            return usage("calls", float(self.unit), currency=currency, **more)
        rows = [(up_to, float(unit), float(fee) or None) for up_to, unit, fee in self.steps]
        return tiered("calls", rows, mode=self.kind, model="USAGE_BASED", currency=currency)

    def minor(self, quantity: Fraction, *, ties_up: bool) -> int:
        """Return the minor units that an invoice bills for a quantity: each line rounded to the nearest, then summed."""
        exact = [amount * 10 ** DIGITS[self.currency] for amount in self.amounts(max(Fraction(0), quantity))]
        return sum(half_up(amount) if ties_up else round(amount) for amount in exact)

    def amounts(self, quantity: Fraction) -> list[Fraction]:
        """Return the exact amount of each line in major units."""
        if self.kind == "flat":
            return [Fraction(self.unit) * (math.ceil(quantity / self.block) if self.block > 1 else quantity)]
        lines, below = [], Fraction(0)
        for up_to, unit, fee in self.steps:
            if self.kind == "VOLUME":
                if up_to is None or quantity <= up_to:
                    return [quantity * Fraction(unit), Fraction(fee)]
                continue
            if below and quantity <= below:
                break
            top = quantity if up_to is None else min(quantity, Fraction(up_to))
            lines += [(top - below) * Fraction(unit), Fraction(fee)]
            below = Fraction(up_to or 0)
        return lines


def half_up(amount: Fraction) -> int:
    """Round to the nearest integer, ties up."""
    return math.floor(amount + Fraction(1, 2))


def random_tariff(rng: random.Random) -> Tariff:
    """Return a tariff in a random currency: flat, graduated or volume."""
    currency = rng.choice(list(DIGITS))
    kind = rng.choice(["flat", "flat", "GRADUATED", "VOLUME"])
    if kind == "flat":
        unit = rng.choice(["0.0027", "0.00001", "1", "12.5"]) if currency != "jpy" else rng.choice(["0.3", "7"])
        return Tariff(currency, kind, unit, rng.choice([1, 1, 10, 1000]))
    bounds = sorted(rng.sample(range(2, 200), 2))
    fee = rng.choice(["0", "3"])
    units = ["0.5", "0.25", "0.01"] if currency != "jpy" else ["50", "25", "1"]
    return Tariff(currency, kind, steps=[(bounds[0], units[0], fee), (bounds[1], units[1], "0"), (None, units[2], fee)])
