"""The rights that a restricted key of probe needs, and a cheap look at whether it has any, before anything is made."""

from __future__ import annotations

from stripe_sync.clients.stripe.asking import Asker, Refused
from stripe_sync.clients.stripe.test_clock import PATH as CLOCKS
from stripe_sync.core.errors import NotAuthorized

# Each with a list that it reads; the others answer no question alone.
LISTS = {
    "billing_clock_write": CLOCKS, "customer_write": "/v1/customers", "product_write": "/v1/products",
    "plan_write": "/v1/prices", "coupon_write": "/v1/coupons", "subscription_write": "/v1/subscriptions",
    "invoice_write": "/v1/invoices", "billing_meter_write": "/v1/billing/meters",
    "event_read": "/v1/events",
}  # fmt: skip
RIGHTS = (*LISTS, "tax_rate_write", "payment_method_write", "billing_meter_event_write", "tax_settings_read")


def require_any_right(asker: Asker) -> None:
    """Raise NotAuthorized for a key that may read none of the lists; the first that it may read ends this."""
    if all(is_forbidden(asker, path) for path in LISTS.values()):
        raise NotAuthorized(
            f"The key has no right that probe needs: add {', '.join(RIGHTS)} to it and probe again; nothing was made."
        )


def is_forbidden(asker: Asker, path: str) -> bool:
    """Return whether Stripe refuses a list for want of a right (403). Another error says nothing about the key's rights."""
    try:
        asker.call("get", path, limit=1)
    except Refused as refused:
        return refused.status == 403
    return False
