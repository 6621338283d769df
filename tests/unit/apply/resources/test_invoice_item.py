"""The tax fields of invoice items, and whose rates they are (BILLING 3)."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.apply.resources.invoice_item import taxed
from stripe_sync.domain.actual.taxes import manual_rates

SETTINGS = {"tax_code": "txcd_1", "tax_behavior": "exclusive"}


def test_an_amount_of_its_own_has_behaviour_and_code() -> None:
    price = {"currency": "usd", "product": "prod_1"}
    params = {"customer": "cus_1", "price_data": price}
    assert taxed(params, SETTINGS) == {
        "customer": "cus_1", "price_data": {**price, "tax_behavior": "exclusive"}, **SETTINGS,
    }  # fmt: skip
    assert taxed(params, {}) == params
    assert price == {"currency": "usd", "product": "prod_1"}, "the argument is not changed"


def test_a_price_has_them_already() -> None:
    assert taxed({"pricing": {"price": "price_1"}}, SETTINGS) == {"pricing": {"price": "price_1"}}


def test_rates_are_named_on_either() -> None:
    """SB 3.4."""
    assert taxed({"pricing": {}}, {}, ["txr_1"])["tax_rates"] == ["txr_1"]
    assert taxed({"price_data": {}}, {}, ("txr_1", "txr_2"))["tax_rates"] == ["txr_1", "txr_2"]


@pytest.mark.parametrize(
    ("body", "rates"),
    [
        ({"default_tax_rates": [{"id": "txr_1"}, {"id": "txr_2"}]}, ("txr_1", "txr_2")),
        ({"default_tax_rates": ["txr_1"], "automatic_tax": {"enabled": False}}, ("txr_1",)),
        ({"default_tax_rates": [{"id": "txr_1"}], "automatic_tax": {"enabled": True}}, ()),
        ({"default_tax_rates": None, "automatic_tax": None}, ()),
        ({}, ()),
    ],
)
def test_manual_rates_are_those_of_the_invoice_or_subscription(body: dict[str, Any], rates: tuple[str, ...]) -> None:
    assert manual_rates(body) == rates
