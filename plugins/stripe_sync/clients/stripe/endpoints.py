"""Paths of collections in Stripe, and the parts of an object that Stripe returns only on request."""

from __future__ import annotations

PATHS = {
    "product": "/v1/products",
    "price": "/v1/prices",
    "coupon": "/v1/coupons",
    "customer": "/v1/customers",
    "subscription": "/v1/subscriptions",
    "invoice": "/v1/invoices",
    "invoiceitem": "/v1/invoiceitems",
}
# Parts that Stripe returns only if ``expand`` lists them.
EXPANDED = {
    "price": ["tiers"],
    "subscription": ["discounts", "default_payment_method"],
    "customer": ["invoice_settings.default_payment_method"],
}


def in_list(kind: str) -> list[str]:
    """Return the ``expand`` parameter of a list of a kind."""
    return [f"data.{part}" for part in EXPANDED[kind]]
