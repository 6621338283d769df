"""Money by hand: the expected values are written from Stripe's documentation, not computed."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_sync.core import money

D = Decimal


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("10", "USD", "1000"),
        ("10.99", "USD", "1099"),
        ("0.0027", "USD", "0.27"),
        ("500", "JPY", "500"),
        ("1200", "jpy", "1200"),
        ("0.0027", "JPY", "0.0027"),
        ("990", "ISK", "99000"),
        ("5000", "UGX", "500000"),
        ("25000", "MGA", "25000"),
        ("150000", "IDR", "15000000"),
        ("5", "KWD", "5000"),
        ("12.5", "EUR", "1250"),
        ("0.00001", "USD", "0.001"),
    ],
)
def test_major_units_become_stripes_minor_units(amount: str, currency: str, minor: str) -> None:
    assert money.to_minor(D(amount), currency) == D(minor)
    assert money.to_major(D(minor), currency) == D(amount)


@pytest.mark.parametrize(
    ("minor", "currency", "whole"),
    [("1000", "usd", True), ("0.5", "usd", False), ("99000", "isk", True), ("99050", "isk", False),
     ("5124", "kwd", False), ("5120", "kwd", True), ("1", "jpy", True), ("500000", "ugx", True),
     ("-1000", "usd", True), ("-0.5", "usd", False)],
)  # fmt: skip
def test_what_an_invoice_can_carry(minor: str, currency: str, whole: bool) -> None:
    assert money.is_chargeable(D(minor), currency) is whole


@pytest.mark.parametrize(
    ("exact", "rounded"),
    [("1.5", 2), ("0.5", 1), ("111.6", 112), ("2.4", 2), ("2.5", 3), ("-2.5", -3), ("3751.5", 3752)],
)
def test_a_line_is_rounded_half_up(exact: str, rounded: int) -> None:
    assert money.round_minor(D(exact)) == rounded


@pytest.mark.parametrize(
    ("number", "text"),
    [("10", "10"), ("10.0", "10"), ("10.50", "10.5"), ("1E+3", "1000"), ("1E-12", "0.000000000001"), ("0", "0"),
     ("-0", "0"), ("-0.0", "0"), ("0.270", "0.27"), ("100", "100")],
)  # fmt: skip
def test_equal_numbers_are_equal_text_without_exponent(number: str, text: str) -> None:
    assert money.plain(D(number)) == text


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=6))
def test_plain_text_says_the_same_number(number: Decimal) -> None:
    text = money.plain(number)
    assert D(text) == number
    assert "E" not in text
    assert money.plain(D(text)) == text


def test_currencies_are_never_added() -> None:
    total = money.total([{"usd": D(5)}, {"eur": D(7)}, {"usd": D(-2)}])
    assert total == {"usd": D(3), "eur": D(7)}
    assert money.shown_all(total) == "0.07 EUR, 0.03 USD"
    assert money.shown_all({}) == money.shown_all({"usd": D(0)}) == "nothing"


def test_money_is_shown_in_its_currencys_decimals() -> None:
    assert money.shown(D(1250), "usd") == "12.50 USD"
    assert money.shown(D(1200), "jpy") == "1200 JPY"
    assert money.shown(D(5124), "kwd") == "5.124 KWD"
