"""Finance's figures of pandas: exact, by currency, the same in one table and in chunks; worked numbers by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pandas as pd
import pytest

from stripe_sync.reporting.datasets import DRIFT, USAGE_MOVEMENTS
from stripe_sync.reporting.frame_types import Cell, typed_frame
from stripe_sync.reporting.frames import ageing, roll_forward, totals, trend

NOW = datetime(2026, 11, 30, tzinfo=UTC)
DIFFERENCE: dict[str, Cell] = dict.fromkeys(DRIFT.columns) | {
    "kind": "subscription",
    "plan": "pro",
    "is_accepted": False,
}
MOVEMENT: dict[str, Cell] = dict.fromkeys(USAGE_MOVEMENTS.columns) | {"currency": "usd"}


def differences(*rows: dict[str, Cell]) -> list[pd.DataFrame]:
    """Return one chunk a row."""
    return [typed_frame([DIFFERENCE | row], DRIFT.columns) for row in rows] or [typed_frame([], DRIFT.columns)]


def row(state: str, amount: str, currency: str = "usd", days: float = 0, **other: Cell) -> dict[str, Cell]:
    return {
        "state": state,
        "monthly_amount": Decimal(amount),
        "currency": currency,
        "since": NOW - timedelta(days=days),
    } | other


def test_ageing_adds_by_direction_and_currency_and_leaves_out_what_was_accepted() -> None:
    rows = [
        row("missing", "2000"), row("missing", "0.335", days=0.5), row("missing", "500", "eur"),
        row("changed", "-100", days=7), row("changed", "40", days=30),
        row("missing", "9999", is_accepted=True), DIFFERENCE,
    ]  # fmt: skip
    aged = ageing(differences(*rows), now=NOW)
    found = [
        tuple(line)
        for line in aged[["direction", "currency", "age", "differences", "monthly_amount", "yearly_amount"]].itertuples(
            index=False
        )
    ]
    assert found == [
        ("not billed at all", "eur", "under a day", 1, Decimal("500.00"), Decimal("6000.00")),
        ("not billed at all", "usd", "under a day", 2, Decimal("2000.34"), Decimal("24004.02")),
        ("over-billed", "usd", "under a month", 1, Decimal("-100.00"), Decimal("-1200.00")),
        ("under-billed", "usd", "older", 1, Decimal("40.00"), Decimal("480.00")),
    ]  # fmt: skip
    together = pd.concat(differences(*rows), ignore_index=True)
    pd.testing.assert_frame_equal(ageing([together], now=NOW), aged)


def test_without_differences_every_figure_is_an_empty_table_of_the_same_types() -> None:
    empty, filled = ageing(differences(), now=NOW), ageing(differences(row("missing", "1")), now=NOW)
    assert empty.empty
    pd.testing.assert_series_equal(empty.dtypes, filled.dtypes)


@pytest.mark.parametrize(
    ("hours", "age"), [(23, "under a day"), (24, "under a week"), (7 * 24, "under a month"), (30 * 24, "older")]
)
def test_an_age_begins_at_its_limit(hours: int, age: str) -> None:
    assert list(ageing(differences(row("missing", "1", days=hours / 24)), now=NOW)["age"]) == [age]


def test_totals_are_exact_and_by_currency() -> None:
    amounts = pd.DataFrame({"state": ["a"] * 10 + ["a", "b"], "currency": ["usd"] * 10 + ["eur", "usd"],
                            "amount": [Decimal("0.1")] * 10 + [Decimal(1), None]})  # fmt: skip
    summed = totals(amounts, by=["state"], value="amount")
    assert [tuple(line) for line in summed.itertuples(index=False)] == [
        ("a", "eur", Decimal(1)),
        ("a", "usd", Decimal("1.0")),
    ]


def test_a_roll_forward_ends_at_its_earlier_balance_and_its_movements() -> None:
    """10 read before the month; 4 of them billed and 3 more read in it; 100 read after it."""

    def entry(source: str | None, target: str, quantity: int, at: datetime) -> dict[str, Cell]:
        return MOVEMENT | {"from_state": source, "to_state": target, "quantity": Decimal(quantity),
                           "amount": Decimal(quantity) * 5, "recorded_at": at}  # fmt: skip

    start, end = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
    rows = [entry(None, "pending", 10, start - timedelta(seconds=1)), entry("pending", "billed", 4, start),
            entry(None, "pending", 3, NOW), entry(None, "pending", 100, end)]  # fmt: skip
    chunks = [typed_frame([one], USAGE_MOVEMENTS.columns) for one in rows]
    balance = roll_forward(chunks, start=start, end=end).set_index("state")
    columns = ["quantity_before", "quantity_inflow", "quantity_outflow", "quantity_after", "amount_after"]
    assert list(balance.loc["pending", columns]) == [10, 3, 4, 9, 45]
    assert list(balance.loc["billed", columns]) == [0, 4, 0, 4, 20]
    assert all(isinstance(cell, Decimal) for cell in balance["quantity_after"])
    assert roll_forward([typed_frame([], USAGE_MOVEMENTS.columns)], start=start, end=end).empty


def test_a_trend_has_a_zero_where_a_day_has_none() -> None:
    counted = pd.DataFrame({"day": ["1", "1", "2"], "kind": ["price", "product", "price"], "differences": [3, 1, 2]})
    table = trend(counted, index="day", columns="kind", value="differences")
    found = {(row.day, row.kind): row.differences for row in table.itertuples()}
    assert found == {("1", "price"): 3, ("1", "product"): 1, ("2", "price"): 2, ("2", "product"): 0}
