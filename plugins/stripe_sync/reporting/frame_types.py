"""Column types of the DataFrames: exact amounts, UTC times, ids as strings, and no binary float.

Amounts stand beside their currency and count its minor units: ``Int64`` where they are whole, ``Decimal`` objects where
they may be finer. Missing ids, texts, counts and flags are ``pd.NA``, missing times ``pd.NaT``, missing decimals None.
An empty table has the same types.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum

import pandas as pd

from stripe_sync.reporting.currencies import CURRENCIES

Cell = str | int | bool | Decimal | datetime | None
Columns = Mapping[str, "ColumnType"]


class ColumnType(Enum):
    """The type of a column."""

    ID = "an id: string"
    TEXT = "a text: string"
    COUNT = "a whole number: Int64"
    MINOR = "an amount in whole minor units: Int64"
    DECIMAL = "an amount in minor units, or a quantity: Decimal objects"
    CURRENCY = "a currency code in lower case: categorical"
    TIME = "a time: datetime64[us, UTC]"
    FLAG = "true or false: boolean"


def typed_frame(
    rows: Sequence[Mapping[str, Cell]], columns: Columns, *, currencies: pd.CategoricalDtype | None = None
) -> pd.DataFrame:
    """Return rows as a DataFrame with exactly these columns and types.

    Chunks of one table have the same type of currencies: ``currencies``, by default that of these rows. Raises ValueError
    for an amount of a whole-number column that is not whole: it is never rounded.
    """
    series = {
        name: typed_series([row[name] for row in rows], kind, currencies=currencies) for name, kind in columns.items()
    }
    return pd.DataFrame(series, columns=list(columns))


def typed_series(
    cells: Sequence[Cell], kind: ColumnType, *, currencies: pd.CategoricalDtype | None = None
) -> pd.Series:
    """Return cells as a Series of a column type."""
    match kind:
        case ColumnType.ID | ColumnType.TEXT:
            return pd.Series([None if cell is None else str(cell) for cell in cells], dtype=pd.StringDtype())
        case ColumnType.COUNT | ColumnType.MINOR:
            return pd.Series(pd.array([_whole(cell) for cell in cells], dtype="Int64"))
        case ColumnType.DECIMAL:
            return pd.Series([_decimal(cell) for cell in cells], dtype=object)
        case ColumnType.CURRENCY:
            return pd.Series(cells, dtype=currencies or currency_type(cells))
        case ColumnType.TIME:
            return pd.Series(pd.to_datetime(list(cells), utc=True)).astype("datetime64[us, UTC]")
        case ColumnType.FLAG:
            return pd.Series(pd.array(list(cells), dtype="boolean"))


def currency_type(cells: Iterable[Cell] = ()) -> pd.CategoricalDtype:
    """Return the categorical type of currencies: Stripe's, and after them any other code among these cells."""
    others = sorted({str(cell) for cell in cells if cell is not None} - set(CURRENCIES))
    return pd.CategoricalDtype([*CURRENCIES, *others])


def _whole(cell: Cell) -> int | None:
    """Return a whole number as an int. Raises ValueError for one that is not whole."""
    if cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, int | Decimal) or cell % 1:
        raise ValueError(f"{cell!r} is not a whole number; give the column the type DECIMAL.")
    return int(cell)


def _decimal(cell: Cell) -> Decimal | None:
    """Return a number as a Decimal. Raises ValueError for any other cell (a float would not be exact), and for NaN."""
    if cell is None:
        return None
    if isinstance(cell, bool) or not isinstance(cell, int | Decimal) or not Decimal(cell).is_finite():
        raise ValueError(f"{cell!r} is not an exact number.")
    return Decimal(cell)
