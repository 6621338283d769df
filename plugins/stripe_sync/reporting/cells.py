"""Cells and rows of the report's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from stripe_sync.core import money


@dataclass(frozen=True)
class Money:
    """An amount in major units of its currency: a number in a workbook, a text on a page."""

    amount: Decimal
    currency: str

    def __str__(self) -> str:
        return f"{Decimal(self.plain()):,f} {self.currency.upper()}"

    def plain(self) -> str:
        """Return the amount with the decimals of its currency, or more where it has fractions of a minor unit."""
        return decimals(self.amount, self.currency)


Cell = str | int | Decimal | Money | datetime | date | None
Row = Mapping[str, Cell]


def decimals(amount: Decimal, currency: str) -> str:
    """Return an amount in major units with the decimals of its currency; fractions of a minor unit are kept."""
    digits = money.exponent(currency)
    normal = amount.normalize()
    exponent = normal.as_tuple().exponent
    return f"{amount:.{max(digits, -exponent if isinstance(exponent, int) else 0)}f}"


def count(row: Row, column: str) -> int:
    """Return a whole number of a row. Raises TypeError for a cell of another type."""
    cell = row[column]
    if not isinstance(cell, int):
        raise TypeError(f"Column {column} holds {type(cell).__name__}, not a whole number. Correct its query.")
    return cell
