"""Current state of a written object."""

from __future__ import annotations

from typing import Any

from stripe_sync.clients.stripe.answers import Written
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import EXPANDED, PATHS
from stripe_sync.clients.stripe.nested_lists import with_items

Row = dict[str, Any]


def as_it_is(api: StripeApi, written: Written) -> Row:
    """Return the current state of a written object: a replayed answer is read again; a subscription has all of its items."""
    row = written.object
    kind = str(row.get("object", ""))
    path = "/v1/checkout/sessions" if kind == "checkout.session" else PATHS.get(kind)
    if written.replayed and path is not None:
        row = api.find(f"{path}/{row['id']}", expand=EXPANDED.get(kind)) or row
    return with_items(api, row) if kind == "subscription" else row
