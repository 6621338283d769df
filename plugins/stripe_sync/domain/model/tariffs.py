"""Exact amount of a price for a quantity, in minor units: flat, by blocks, by tiers.

Graduated tiers charge each tier's units at that tier's price and each entered tier's flat fee; volume tiers charge all
units at the tier that the whole quantity falls into (Stripe, "tiers_mode"; Stigg, "tiered" and "volume").
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

from stripe_sync.domain.model.price_content import ZERO, PerUnit, PriceContent, Tier, Tiered, TiersMode

MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True)
class Line:
    """A quantity at a unit amount, in minor units; ``tier`` counts from 1, 0 where there are none."""

    quantity: Decimal
    unit_amount: Decimal
    tier: int = 0
    flat: bool = False


@dataclass(frozen=True)
class Tariff:
    """One price. ``months`` is the length of its interval, 0 where it is charged once; ``block`` is charged whole."""

    currency: str
    months: int = 1
    unit_amount: Decimal = ZERO
    block: Decimal = Decimal(1)
    tiers: tuple[Tier, ...] = ()
    graduated: bool = False

    def amount(self, quantity: Decimal) -> Decimal:
        """The price of a quantity for one interval, before rounding."""
        return sum(self.parts(quantity), ZERO)

    def per_month(self, quantity: Decimal) -> Decimal:
        """Return the amount per month; 0 for a one-off charge."""
        return self.amount(quantity) / self.months if self.months else ZERO

    def parts(self, quantity: Decimal) -> Iterator[Decimal]:
        """The amounts whose sum is the price: each is a line of an invoice, rounded on its own."""
        yield from (line.quantity * line.unit_amount for line in self.lines(quantity))

    def lines(self, quantity: Decimal) -> Iterator[Line]:
        """The lines of an invoice for a quantity; a tier's units and its flat fee are a line each."""
        count = (quantity / self.block).to_integral_value(ROUND_CEILING) if self.block != 1 else quantity
        if not self.tiers:
            yield Line(count, self.unit_amount)
        elif self.graduated:
            yield from self.graduated_lines(count)
        else:
            number, tier = next((n, t) for n, t in enumerate(self.tiers, 1) if t.up_to is None or count <= t.up_to)
            yield from tier_lines(number, tier, count)

    def graduated_lines(self, quantity: Decimal) -> Iterator[Line]:
        """Each entered tier's units, then its flat fee; the first tier is entered with nothing."""
        below = ZERO
        for number, tier in enumerate(self.tiers, 1):
            if number > 1 and quantity <= below:
                return
            top = quantity if tier.up_to is None else min(quantity, Decimal(tier.up_to))
            yield from tier_lines(number, tier, top - below)
            below = top


def tier_lines(number: int, tier: Tier, units: Decimal) -> Iterator[Line]:
    if units:
        yield Line(units, tier.unit_amount, number)
    if tier.flat_amount:
        yield Line(Decimal(1), tier.flat_amount, number, flat=True)


def of_content(content: PriceContent) -> Tariff | None:
    """Return the tariff of a price's content; None where its amounts are not in it."""
    recurrence = content.recurrence
    months = MONTHS.get(recurrence.interval, 0) * recurrence.count if recurrence else 0
    match content.scheme:
        case PerUnit(unit_amount=Decimal() as amount, transform_quantity=packages):
            block = Decimal(packages.divide_by) if packages else Decimal(1)
            return Tariff(content.currency, months, amount, block)
        case Tiered(mode=mode, tiers=tiers) if tiers:
            return Tariff(content.currency, months, tiers=tiers, graduated=mode == TiersMode.GRADUATED)
        case _:
            return None
