"""Permissions of a restricted key for probe, and a check that it has any of them before objects are created."""

from __future__ import annotations

from stripe_sync.clients.stripe.raw_requests import RawRequests, Refused
from stripe_sync.clients.stripe.test_clock import PATH as CLOCKS
from stripe_sync.core.errors import NotAuthorized

# Permissions with a list that they allow to read.
LISTS = {
    "billing_clock_write": CLOCKS,
    "customer_write": "/v1/customers",
    "product_write": "/v1/products",
    "plan_write": "/v1/prices",
    "coupon_write": "/v1/coupons",
    "subscription_write": "/v1/subscriptions",
    "invoice_write": "/v1/invoices",
    "billing_meter_write": "/v1/billing/meters",
    "event_read": "/v1/events",
}
RIGHTS = (*LISTS, "tax_rate_write", "payment_method_write", "billing_meter_event_write", "tax_settings_read")


def require_any_right(requests: RawRequests) -> None:
    """Raise NotAuthorized for a key that may read none of the lists; stop at the first list that it may read."""
    if all(is_forbidden(requests, path) for path in LISTS.values()):
        raise NotAuthorized(
            f"The key has none of the permissions of probe. Grant {', '.join(RIGHTS)} and probe again. Nothing was created."
        )


def is_forbidden(requests: RawRequests, path: str) -> bool:
    """Return whether Stripe refuses a list with 403; any other error does not depend on the key's permissions."""
    try:
        requests.call("get", path, limit=1)
    except Refused as refused:
        return refused.status == 403
    return False
