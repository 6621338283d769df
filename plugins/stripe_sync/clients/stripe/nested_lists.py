"""Nested lists of objects, read completely: an answer contains only the first ten rows (SB 10.3)."""

from __future__ import annotations

from typing import Any

from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core.errors import Incomplete

Row = dict[str, Any]


def with_items(api: StripeApi, subscription: Row) -> Row:
    """Return a subscription with all of its items. Raises Incomplete where Stripe does not return them."""
    items = subscription.get("items")
    if not items or not items.get("has_more"):
        return subscription
    found = [item for page in api.pages("/v1/subscription_items", subscription=subscription["id"]) for item in page]
    if len(found) <= len(items["data"]):
        raise Incomplete(f"Stripe did not return all items of {subscription['id']}. Run extract again.")
    return subscription | {"items": items | {"data": found, "has_more": False}}


def with_lines(api: StripeApi, invoice: Row) -> Row:
    """Return an invoice with all of its lines."""
    lines = invoice.get("lines")
    if not lines or not lines.get("has_more"):
        return invoice
    found = [line for page in api.pages(f"/v1/invoices/{invoice['id']}/lines") for line in page]
    return invoice | {"lines": lines | {"data": found, "has_more": False}}
