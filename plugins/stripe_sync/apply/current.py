"""An object that was written, as it is now."""

from __future__ import annotations

from typing import Any

from stripe_sync.clients.stripe.client import StripeApi, Written
from stripe_sync.clients.stripe.endpoints import PATHS, WHOLE
from stripe_sync.clients.stripe.whole import with_items

Row = dict[str, Any]


def as_it_is(api: StripeApi, written: Written) -> Row:
    """Return what was written as it is now: a replayed answer is read again, and a subscription has all of its items."""
    row = written.object
    kind = str(row.get("object", ""))
    path = "/v1/checkout/sessions" if kind == "checkout.session" else PATHS.get(kind)
    if written.replayed and path is not None:
        row = api.find(f"{path}/{row['id']}", expand=WHOLE.get(kind)) or row
    return with_items(api, row) if kind == "subscription" else row
