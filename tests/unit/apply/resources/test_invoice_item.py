"""The tax fields of invoice items, and whose rates they are (BILLING 3)."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.apply.resources.invoice_item import taxed
from stripe_sync.clients.stripe.parameters.encoding import encode
from stripe_sync.clients.stripe.parameters.invoices import InvoiceItemChange, PriceData, Pricing
from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.taxes import TaxTerms, manual_rates

SETTINGS = {"tax_code": "txcd_1", "tax_behavior": "exclusive"}


def test_an_amount_of_its_own_has_behaviour_and_code() -> None:
    price = PriceData(currency="usd", product="prod_1", unit_amount_decimal="5")
    item = InvoiceItemChange(description="Use", price_data=price)
    assert encode(taxed(item, SETTINGS)) == {
        "description": "Use", "price_data": {**encode(price), "tax_behavior": "exclusive"}, **SETTINGS,
    }  # fmt: skip
    assert taxed(item, {}) == item


def test_a_price_has_them_already() -> None:
    item = InvoiceItemChange(pricing=Pricing(price="price_1"))
    assert taxed(item, SETTINGS) == item


def test_rates_are_named_on_either() -> None:
    """SB 3.4."""
    item = InvoiceItemChange(pricing=Pricing(price="price_1"))
    assert encode(taxed(item, {}, ["txr_1"]))["tax_rates"] == ["txr_1"]
    price = PriceData(currency="usd", product="prod_1", unit_amount_decimal="5")
    assert encode(taxed(InvoiceItemChange(price_data=price), {}, ("txr_1", "txr_2")))["tax_rates"] == ["txr_1", "txr_2"]


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
    assert manual_rates(from_stripe(body, TaxTerms)) == rates
