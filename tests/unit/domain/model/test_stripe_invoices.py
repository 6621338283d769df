"""Invoices of Stripe as types: those of others are listed too, and none of them may be one that cannot be read."""

from __future__ import annotations

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.model.stripe_invoices import StripeInvoice, StripeInvoiceItem

PERIOD = {"start": 1, "end": 2}


def test_an_invoice_without_a_customer_and_with_a_line_without_an_origin_is_read() -> None:
    line = {"id": "il_1", "amount": 500, "currency": "usd", "period": PERIOD, "parent": None, "pricing": None}
    body = {"id": "in_1", "customer": None, "currency": "usd", "parent": None, "lines": {"data": [line]}}
    invoice = from_stripe(body, StripeInvoice)
    assert (invoice.customer, invoice.subscription()) == (None, None)
    (read,) = invoice.lines.data
    assert (read.origin.type, read.origin.invoice_item_details, read.price()) == ("", None, None)


def test_an_item_has_the_id_of_its_invoice_expanded_or_not() -> None:
    common = {"id": "ii_1", "amount": 500, "currency": "usd", "period": PERIOD}
    found = [from_stripe(common | {"invoice": given}, StripeInvoiceItem) for given in (None, "in_1", {"id": "in_1"})]
    assert [item.invoice_id() for item in found] == [None, "in_1", "in_1"]
