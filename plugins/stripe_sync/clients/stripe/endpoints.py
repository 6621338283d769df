"""Where each kind of object lives, and what has to be asked for to see one of them whole."""

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
# Parts that Stripe leaves out unless they are asked for.
WHOLE = {
    "price": ["tiers"],
    "subscription": ["discounts", "default_payment_method"],
    "customer": ["invoice_settings.default_payment_method"],
}


def in_list(kind: str) -> list[str]:
    """What to ask a list of a kind for, so that its rows are whole."""
    return [f"data.{part}" for part in WHOLE[kind]]
