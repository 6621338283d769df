"""Column types: exact in every cell, the same without rows, and nothing is rounded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pandas as pd
import pytest

from stripe_sync.reporting.frame_types import Cell, ColumnType, currency_type, typed_frame, typed_series

ALL = {kind.name.lower(): kind for kind in ColumnType}
INEXACT_AS_FLOAT = 2**53 + 1  # the first whole number that a binary float cannot hold
ROW: dict[str, Cell] = {
    "id": "1", "text": "a", "count": 1, "minor": INEXACT_AS_FLOAT, "decimal": Decimal("0.27"), "currency": "usd",
    "time": datetime(2026, 11, 1, tzinfo=UTC), "flag": True,
}  # fmt: skip


def test_an_empty_table_has_the_types_of_a_table_with_rows_and_of_one_without_values() -> None:
    filled = typed_frame([ROW], ALL).dtypes
    pd.testing.assert_series_equal(typed_frame([], ALL).dtypes, filled)
    pd.testing.assert_series_equal(typed_frame([dict.fromkeys(ALL)], ALL).dtypes, filled)
    assert not any(pd.api.types.is_float_dtype(kind) for kind in filled)


def test_tables_of_different_currencies_keep_the_type_when_they_are_joined() -> None:
    euro, empty = typed_frame([ROW | {"currency": "eur"}], ALL), typed_frame([], ALL)
    joined = pd.concat([typed_frame([ROW], ALL), euro, empty], ignore_index=True)
    pd.testing.assert_series_equal(joined.dtypes, euro.dtypes)


def test_a_currency_that_stripe_does_not_list_is_kept() -> None:
    series = typed_series(["usd", "xyz", None], ColumnType.CURRENCY)
    assert series.tolist()[:2] == ["usd", "xyz"]
    assert pd.isna(series[2])
    assert list(currency_type(["xyz"]).categories)[-1] == "xyz"


def test_whole_amounts_are_exact_where_a_binary_float_is_not() -> None:
    series = typed_series([INEXACT_AS_FLOAT, None, Decimal("12.00")], ColumnType.MINOR)
    assert [None if cell is pd.NA else int(cell) for cell in series] == [INEXACT_AS_FLOAT, None, 12]


@pytest.mark.parametrize("cell", [Decimal("0.5"), "1", 0.1, True, Decimal("NaN")])
def test_an_amount_that_is_not_whole_is_refused(cell: Cell) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        typed_series([cell], ColumnType.MINOR)


def test_a_binary_float_is_no_quantity() -> None:
    with pytest.raises(ValueError, match="not an exact number"):
        typed_series([0.1], ColumnType.DECIMAL)  # type: ignore[list-item]
    for cell in (True, Decimal("NaN"), Decimal("Infinity")):
        with pytest.raises(ValueError, match="not an exact number"):
            typed_series([cell], ColumnType.DECIMAL)
    assert [type(cell) for cell in typed_series([1, Decimal("0.1"), None], ColumnType.DECIMAL)][:2] == [Decimal] * 2


def test_times_are_utc_whatever_their_offset() -> None:
    summer, winter = timezone(timedelta(hours=2)), timezone(timedelta(hours=1))
    series = typed_series(
        [datetime(2026, 7, 1, 2, tzinfo=summer), datetime(2026, 12, 1, 1, tzinfo=winter), None], ColumnType.TIME
    )
    assert series.tolist()[:2] == [pd.Timestamp("2026-07-01", tz="UTC"), pd.Timestamp("2026-12-01", tz="UTC")]
    assert str(series.dtype) == "datetime64[us, UTC]"
