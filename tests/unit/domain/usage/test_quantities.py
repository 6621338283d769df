"""Quantities as Stripe carries them: 12 decimals, 15 digits, amounts of 12 digits. A call is 10 cents."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stripe_sync.core.errors import UnknownShape
from stripe_sync.domain.usage.quantities import EXACT, billable, checked, remainder
from tests.unit.domain.usage.values import TERMS


@pytest.mark.parametrize(
    ("counted", "billed", "rest"),
    [
        ("120", "120", "0"),
        ("0.123456789012", "0.123456789012", "0"),  # 12 decimals
        ("0.30000000000000004", "0.3", "0.00000000000000004"),  # 0.1 + 0.2 in binary
        ("0.3333333333333333", "0.333333333333", "0.0000000000003333"),  # a third
        ("0.6666666666666666", "0.666666666667", "-0.0000000000003334"),  # two thirds, rounded up
        ("0.0000000000005", "0.000000000001", "-0.0000000000005"),  # a tie goes up
    ],
)
def test_a_quantity_is_rounded_once_half_up_and_what_is_left_is_exact(counted: str, billed: str, rest: str) -> None:
    assert (billable(D(counted)), remainder(D(counted))) == (D(billed), D(rest))


@given(st.decimals(min_value=0, max_value=10**15, places=20))
def test_what_is_billed_and_what_is_left_sum_to_the_quantity(counted: D) -> None:
    assert EXACT.add(billable(counted), remainder(counted)) == counted


@pytest.mark.parametrize(
    ("counted", "sentence"),
    [
        ("1e29", "count to 1.00e+29, more than the 15 digits that Stripe carries"),
        ("1e15", "count to 1.00e+15, more than the 15 digits"),
        ("1e13", "1000000000000.00 USD are more than Stripe carries"),  # 1e14 cents have 15 digits
        ("-1", "count to -1"),
    ],
)
def test_a_quantity_or_amount_that_stripe_does_not_carry_is_refused(counted: str, sentence: str) -> None:
    with pytest.raises(UnknownShape, match=sentence.replace("+", "[+]")):
        checked(D(counted), TERMS, "calls of s-1")


@pytest.mark.parametrize("counted", ["0", "0.30000000000000004", "99999999999"])  # 999,999,999,990 cents have 12 digits
def test_every_other_quantity_is_counted_exactly(counted: str) -> None:
    assert checked(D(counted), TERMS, "calls of s-1") == D(counted)
