"""Lines of usage, and when a line on an invoice proves what is billed (BILLING 8).

Quantity, unit price, period and currency have to be exactly the ledger's. The amount is Stripe's own product of quantity and unit
price, and how Stripe rounds a tie is not documented: it may differ by one smallest chargeable unit of the currency.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from stripe_sync.core import money


@dataclass(frozen=True)
class UsageLine:
    """One line; ``item`` is its invoice item's id where Stripe has it. Amounts in minor units, times in Unix seconds."""

    key: str
    quantity: Decimal
    unit_amount: Decimal
    amount: int
    start: int
    end: int
    currency: str
    text: str = ""
    product: str = ""
    item: str = ""
    discountable: bool = True


def proves(found: UsageLine, expected: UsageLine) -> bool:
    """Return whether a line on an invoice is as expected; the amount may differ by rounding."""
    exact = [(line.quantity, line.unit_amount, line.start, line.end, line.currency) for line in (found, expected)]
    return exact[0] == exact[1] and money.is_rounding(found.amount - expected.amount, expected.currency)


def are_proven(expected: Iterable[UsageLine], found: Mapping[str, UsageLine]) -> bool:
    """Return whether every expected line is among the found ones, by key, and as expected."""
    return all(line.key in found and proves(found[line.key], line) for line in expected)


def rounding(expected: Iterable[UsageLine], found: Mapping[str, UsageLine]) -> int:
    """Return the minor units that verified lines bill above the ledger's amounts; negative where Stripe bills less."""
    return sum(
        found[line.key].amount - line.amount for line in expected if line.key in found and proves(found[line.key], line)
    )
