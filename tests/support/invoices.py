"""Invoices of Stripe for unit tests: a body with the fields that matter, as the type that the domain reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.model.stripe_invoices import InvoiceLine, StripeInvoice


def shown_invoice(body: Mapping[str, Any]) -> StripeInvoice:
    """Return an invoice; fields that every invoice has are filled in."""
    common = {"id": "in_1", "customer": "cus_1", "currency": "usd"}
    lines = body.get("lines") or {}
    filled = {"lines": {**lines, "data": [_filled(line) for line in lines.get("data", ())]}}
    return from_stripe({**common, **body, **filled}, StripeInvoice)


def shown_line(line: Mapping[str, Any]) -> InvoiceLine:
    """Return a line of an invoice; fields that every line has are filled in."""
    return from_stripe(_filled(line), InvoiceLine)


def _filled(line: Mapping[str, Any]) -> dict[str, Any]:
    return {"id": "il_1", "amount": 0, "currency": "usd", **line}
