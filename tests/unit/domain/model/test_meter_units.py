"""Charges that a Stripe meter can bill, and their prices: expectations by hand (BILLING 8)."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest

from stripe_sync.domain.model.meter_units import ChargeAmounts, Meter, content, expected, meter_of
from stripe_sync.domain.model.price_content import EncodedPrice, decode, encode
from stripe_sync.domain.model.stripe import Recurring, StripePrice

UNIT: EncodedPrice = {"currency": "usd", "unit_amount": "0.27", "billing_scheme": "per_unit"}
TIERS: EncodedPrice = {
    "currency": "usd", "billing_scheme": "tiered", "tiers_mode": "graduated",
    "tiers": [{"up_to": "5", "unit_amount": "2000", "flat_amount": "1000"}, {"up_to": "inf", "unit_amount": "1"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("charge", "decimals", "result"),
    [
        (ChargeAmounts(content=decode(UNIT)), 0, UNIT),
        (ChargeAmounts(content=decode(UNIT)), 3, UNIT | {"unit_amount": "0.00027"}),
        (ChargeAmounts(content=decode(UNIT | {"unit_amount": "0.0000000001"})), 3, None),  # 13 decimals
        (ChargeAmounts(content=decode(UNIT), divide=D(60), round="UP"), 0, UNIT | {"divide_by": "60:up"}),
        (ChargeAmounts(content=decode(UNIT), divide=D(60), round="DOWN"), 2, UNIT | {"divide_by": "6000:down"}),
        (
            ChargeAmounts(content=decode(UNIT), divide=D("0.5")),
            0,
            None,
        ),  # half a unit is no whole number to a meter of units
        (ChargeAmounts(content=decode(UNIT), divide=D("0.5")), 1, UNIT | {"divide_by": "5:up"}),
        (ChargeAmounts(content=decode(UNIT | {"divide_by": "10:up"})), 0, UNIT | {"divide_by": "10:up"}),
        (ChargeAmounts(content=decode(UNIT | {"divide_by": "10:up"}), divide=D(60)), 0, None),  # rounded twice
        (ChargeAmounts(content=decode(UNIT), plain=False), 0, None),  # an overage, a minimum spend
        (ChargeAmounts(content=decode(TIERS), block=D(10)), 0, None),
        (ChargeAmounts(content=decode(TIERS), divide=D(10)), 0, None),
        (ChargeAmounts(content=decode(TIERS)), 0, TIERS),
        (
            ChargeAmounts(content=decode(TIERS)),
            2,
            TIERS
            | {
                "tiers": [
                    {"up_to": "500", "unit_amount": "20", "flat_amount": "1000"},
                    {"up_to": "inf", "unit_amount": "0.01"},
                ]
            },
        ),
    ],
)
def test_the_price_of_a_meter_costs_the_same_or_there_is_none(
    charge: ChargeAmounts, decimals: int, result: Any
) -> None:
    made = content(charge, decimals)
    assert (encode(made) if made else None) == result


@pytest.mark.parametrize(
    ("charge", "decimals", "quantity", "billed"),
    [
        (ChargeAmounts(content=decode(UNIT)), 0, "1234", ("1234", 333)),
        (ChargeAmounts(content=decode(UNIT)), 3, "1234.5", ("1234500", 333)),
        (
            ChargeAmounts(content=decode(UNIT | {"unit_amount": "100"}), divide=D(60)),
            0,
            "150",
            ("3", 300),
        ),  # S14: three packages
        (ChargeAmounts(content=decode(TIERS)), 0, "7", ("7", 11002)),  # 5 × 20 + 10, 2 × 0.01
        (ChargeAmounts(content=decode(TIERS)), 2, "7", ("700", 11002)),
        (ChargeAmounts(content=decode(TIERS)), 0, "0", ("0", 1000)),  # S13: the first tier's flat fee
        (ChargeAmounts(content=decode(UNIT)), 0, "-30", ("0", 0)),
    ],
)
def test_what_a_meter_bills(charge: ChargeAmounts, decimals: int, quantity: str, billed: tuple[str, int]) -> None:
    units, amount = expected(charge, Meter(id="mtr_1", price="price_1", decimals=decimals), D(quantity))
    assert (f"{units.normalize():f}", amount) == billed


def test_the_meter_of_a_price_is_found_by_what_it_costs() -> None:
    held = StripePrice(
        id="price_1", product="prod_1", currency="usd", active=True, unit_amount_decimal=D("0.00027"),
        recurring=Recurring("month", 1, "metered", "mtr_1"),
    )  # fmt: skip
    assert meter_of(ChargeAmounts(content=decode(UNIT)), held) == Meter(id="mtr_1", price="price_1", decimals=3)
    assert meter_of(ChargeAmounts(content=decode(UNIT | {"unit_amount": "0.28"})), held) is None
    assert meter_of(ChargeAmounts(content=decode(UNIT)), None) is None


@pytest.mark.parametrize(("quantity", "decimals", "can"), [("12", 0, True), ("12.5", 0, False), ("12.5", 1, True),
                                                           ("9" * 15, 0, True), ("9" * 15, 1, False)])  # fmt: skip
def test_a_meter_counts_whole_numbers_of_fifteen_digits(quantity: str, decimals: int, can: bool) -> None:
    assert Meter(id="mtr_1", price="price_1", decimals=decimals).can_count(D(quantity)) is can
