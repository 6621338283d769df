"""Amounts that an invoice bills of a window by a meter: its lines, their sums, their rounding, the minutes of a summary."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal as D
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage.metering import billed, bills, is_as_expected, lines_of, summary_bounds
from stripe_sync.domain.usage.proof import UsageLine
from tests.support.invoices import shown_invoice, shown_line
from tests.unit.domain.usage.values import END, METER, START, metered_line, own_line
from tests.unit.domain.usage.values import body as answer

SECOND = timedelta(seconds=1)


def body(id: str, *lines: dict[str, Any], status: str, **more: Any) -> StripeInvoice:
    """Return Stripe's answer as the type that is read."""
    return shown_invoice(answer(id, *lines, status=status, **more))


def period(start: datetime, end: datetime) -> dict[str, Any]:
    return {"period": {"start": epoch(start), "end": epoch(end)}}


def of_item(item: str, *, proration: bool = False) -> dict[str, Any]:
    return {"parent": {"subscription_item_details": {"proration": proration, "subscription_item": item}}}


@pytest.mark.parametrize(
    ("change", "counts"),
    [
        ({}, True),
        (of_item("si_2"), False),
        (of_item("si_1", proration=True), False),
        (period(START, END - SECOND), True),
        (period(START, END + SECOND), False),
        ({"parent": {"invoice_item_details": {"invoice_item": "ii_1"}}}, False),
    ],
)
def test_lines_of_an_item_are_those_of_time_that_was_over(change: dict[str, Any], counts: bool) -> None:
    """The invoice was created at the end of November; a line that ends later is in advance."""
    shown = body("in_1", metered_line("120", 1200, **change), status="draft")
    assert [line.id for line in lines_of(shown, "si_1")] == ["il_m"] * counts


@pytest.mark.parametrize(
    ("start", "end", "is_billed"),
    [
        (START, END, True),
        (START + SECOND, END - SECOND, True),
        (START - SECOND, END, False),
        (START, END + SECOND, False),
    ],
)
def test_a_window_is_billed_by_a_line_that_holds_it(start: datetime, end: datetime, is_billed: bool) -> None:
    """The second half of a month after a change of price is within the month's line; a second more is not."""
    shown = body("in_1", metered_line("120", 1200), status="draft")
    assert bills(shown, "si_1", METER, start, end) is is_billed


def test_a_window_is_billed_only_by_its_meters_price() -> None:
    other = {"pricing": {"price_details": {"price": "price_old"}}}
    shown = body("in_1", metered_line("120", 1200, **other), status="draft")
    assert not bills(shown, "si_1", METER, START, END)
    assert not bills(body("in_1", status="draft"), "si_1", METER, START, END)
    without: tuple[dict[str, Any], ...] = ({}, {"pricing": None}, {"pricing": {"price_details": None}})
    assert [shown_line(period(START, END) | line).price() for line in without] == [None] * 3


def test_the_units_and_the_amount_of_an_item_are_the_sums_of_its_tiers_and_flat_fees() -> None:
    """100 calls at 10 cents, 50 at 5 cents and a flat fee of 3.00 without units: 150 calls, 10.00 + 2.50 + 3.00 = 15.50."""
    fee = metered_line("0", 300) | {"quantity_decimal": None, "quantity": 0}
    other = metered_line("7", 70, **of_item("si_2"))
    shown = body("in_1", metered_line("100", 1000), metered_line("50", 250), fee, other, status="draft")
    assert billed(shown, "si_1") == (D(150), 1550)
    assert billed(shown, "si_3") == (D(0), 0)


def test_a_line_without_a_decimal_quantity_has_its_whole_one() -> None:
    line = metered_line("0", 400) | {"quantity_decimal": None, "quantity": 40}
    assert billed(body("in_1", line, status="draft"), "si_1") == (D(40), 400)


def test_lines_of_our_own_are_none_of_the_meters() -> None:
    own = UsageLine(
        key="usageline:t:7",
        quantity=D(120),
        unit_amount=D(10),
        amount=1200,
        currency="usd",
        start=epoch(START),
        end=epoch(END),
        product="prod_1",
    )
    assert billed(body("in_1", own_line(own), status="draft"), "si_1") == (D(0), 0)


@pytest.mark.parametrize(
    ("currency", "lines", "off", "is_expected"),
    [
        ("usd", 1, 1, True),
        ("usd", 1, -1, True),
        ("usd", 1, 2, False),
        ("usd", 2, 2, True),
        ("usd", 2, -3, False),
        ("jpy", 1, 1, True),
        ("jpy", 1, 2, False),
        ("kwd", 1, 10, True),
        ("kwd", 1, 11, False),
        ("isk", 1, 100, True),
        ("isk", 1, 101, False),
        ("usd", 0, 1, True),
        ("usd", 0, 2, False),
    ],
)
def test_an_amount_may_differ_by_one_chargeable_unit_a_line(
    currency: str, lines: int, off: int, is_expected: bool
) -> None:
    shown = body("in_1", *[metered_line("60", 600)] * lines, status="draft")
    assert is_as_expected(shown, "si_1", (D(60) * lines, 600 * lines + off), currency) is is_expected


@pytest.mark.parametrize("units", ["119", "121", "119.999999999999"])
def test_units_may_not_differ_at_all(units: str) -> None:
    shown = body("in_1", metered_line("120", 1200), status="draft")
    assert is_as_expected(shown, "si_1", (D(120), 1200), "usd")
    assert is_as_expected(shown, "si_1", (D("120.000"), 1200), "usd")
    assert not is_as_expected(shown, "si_1", (D(units), 1200), "usd")


@pytest.mark.parametrize(
    ("seconds", "requested"),
    [(0, 0), (1, 60), (59, 60), (60, 60), (61, 120), (-1, 0), (-59, 0), (-60, -60)],
)
def test_a_summary_begins_and_ends_at_the_next_whole_minute(seconds: int, requested: int) -> None:
    start, end = (from_epoch(epoch(time) + seconds) for time in (START, END))
    assert summary_bounds(start, end) == (epoch(START) + requested, epoch(END) + requested)


@given(st.lists(st.integers(0, 10**7), min_size=2, max_size=12, unique=True).map(sorted))
def test_summaries_of_windows_that_tile_a_life_tile_it_too(bounds: list[int]) -> None:
    """An event a second before its window's end is in its own summary, or its window has none of a minute."""
    summaries = [summary_bounds(from_epoch(a), from_epoch(b)) for a, b in pairwise(bounds)]
    assert [end for _, end in summaries[:-1]] == [start for start, _ in summaries[1:]]
    assert all(start % 60 == 0 and end % 60 == 0 and start <= end for start, end in summaries)
    assert all(
        end - b < 60 and (start <= b - 1 < end or start == end)
        for b, (start, end) in zip(bounds[1:], summaries, strict=True)
    )
