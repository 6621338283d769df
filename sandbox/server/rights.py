"""Rights of restricted keys: each call needs one, and so does each object that it expands (SB 8).

A key of a world file is a text, which may do everything, or ``{"key": ..., "rights": [...], "wording": "new" | "old" | "app"}``;
with ``"expired": true`` it may do nothing any more.
The names follow Stripe's managed keys, such as ``plan_read`` for prices; ``x_write`` includes ``x_read``.
"""

from __future__ import annotations

import base64
from typing import Any

from sandbox.world.refusal import StripeRefusal
from sandbox.world.state import Obj, World

NO_KEY = (
    "You did not provide an API key. You need to provide your API key in the Authorization header, using Bearer auth (e.g. "
    "'Authorization: Bearer YOUR_SECRET_KEY'). See https://stripe.com/docs/api#authentication for details, or we can help "
    "at https://support.stripe.com/."
)
PUBLISHABLE = (
    "This API call cannot be made with a publishable API key. Please use a secret API key. You can find a list of your API "
    "keys at https://dashboard.stripe.com/account/apikeys."
)
ACCOUNT = "accounts_kyc_basic_read"
THIN_EVENTS = "v2_core_events_read"  # no list of names has it (SB "Not found anywhere")
# The right by the beginning of a path, the longest first; "_read" or "_write" is added by the verb.
NOUNS = {
    "/v1/billing/meter_events": "billing_meter_event",
    "/v1/billing/meters": "billing_meter",
    "/v1/billing_portal/": "customer_portal",
    "/v1/checkout/sessions": "checkout_session",
    "/v1/coupons": "coupon",
    "/v1/credit_notes": "credit_note",
    "/v1/customers": "customer",
    "/v1/events": "event",
    "/v1/invoice_payments": "invoice",
    "/v1/invoiceitems": "invoice",
    "/v1/invoices": "invoice",
    "/v1/payment_methods": "payment_method",
    "/v1/prices": "plan",
    "/v1/products": "product",
    "/v1/promotion_codes": "promotion_code",
    "/v1/refunds": "charge",
    "/v1/subscription_items": "subscription",
    "/v1/subscription_schedules": "subscription",
    "/v1/subscriptions": "subscription",
    "/v1/tax/": "tax_settings",
    "/v1/tax_rates": "tax_rate",
    "/v1/test_helpers/test_clocks": "billing_clock",
}
# The right that reading an expanded field needs; other fields are parts of their object.
EXPANDED = {
    "customer": "customer", "product": "product", "default_price": "plan", "price": "plan", "latest_invoice": "invoice",
    "default_payment_method": "payment_method", "subscription": "subscription", "coupon": "coupon", "invoice": "invoice",
    "subscriptions": "subscription", "test_clock": "billing_clock",
}  # fmt: skip
# Rights that another one brings along (SB 8.5).
IMPLIED = {
    "checkout_session": ("payment_intent", "product", "mandate"),
    "customer": ("billing_clock",),
    "invoice": ("credit_note",),
    "credit_note": ("invoice",),
    "payment_method": ("source",),
}
# The codes of a refusal by its wording; the old one has none (SB 8.7; reported of restricted keys in 2026).
CODES = {"new": "more_permissions_required", "app": "more_permissions_required_for_application"}
LABELS = {"plan": "Prices", "event": "Events", "billing_meter": "Meters", "billing_clock": "Test Clocks"}


def restricted(key: Any) -> bool:
    return isinstance(key, dict)


def authenticate(world: World, authorization: str) -> Any:
    """Return the key of a request's header as the world has it. Raises StripeRefusal 401; a publishable key is a 403 (SB 8.7)."""
    scheme, _, value = authorization.partition(" ")
    key = base64.b64decode(value).decode().partition(":")[0] if scheme == "Basic" else value
    if not key:
        raise StripeRefusal(NO_KEY, status=401, logged=False)
    if key.startswith("pk_"):
        raise StripeRefusal(PUBLISHABLE, status=403, code="secret_key_required", logged=False)
    found = next((known for known in world.stripe_keys if key_text(known) == key), None)
    if found is None:
        raise StripeRefusal(f"Invalid API Key provided: {masked(key)}", status=401, logged=False)
    if isinstance(found, dict) and found.get("expired"):
        raise StripeRefusal(
            f"Expired API Key provided: {masked(key)}", status=401, code="api_key_expired", logged=False
        )
    return found


def masked(key: str) -> str:
    """Return a key as refusals show it: its beginning and its last four characters."""
    return f"{key[:8]}{'*' * 8}{key[-4:]}"


def key_text(key: Any) -> str:
    """Return the secret of a key of a world file."""
    return str(key["key"]) if isinstance(key, dict) else str(key)


def needed(verb: str, path: str, expand: list[str]) -> list[str]:
    """Return the rights of a call, the endpoint's own first. An endpoint without a known right needs none."""
    if path == "/v1/account":
        return [ACCOUNT]
    if path.startswith("/v2/core/events"):
        return [THIN_EVENTS]
    if path == "/v1/invoices/create_preview":
        return ["invoice_read", *expanded(expand)]
    noun = next((NOUNS[start] for start in sorted(NOUNS, key=len, reverse=True) if path.startswith(start)), None)
    own = [f"{noun}_{'read' if verb == 'get' else 'write'}"] if noun else []
    return [*own, *(right for right in expanded(expand) if right not in own)]


def expanded(expand: list[str]) -> list[str]:
    names = [part for path in expand for part in path.split(".")]
    return [f"{EXPANDED[name]}_read" for name in dict.fromkeys(names) if name in EXPANDED]


def has(world: World, key: Obj, right: str) -> bool:
    """Return whether a restricted key has a right; two of them cannot be given in worlds that say so (C11)."""
    if right == ACCOUNT and not world.unknowns["account_right_grantable"]:
        return False
    given = {str(name).removeprefix("rak_") for name in key.get("rights", ())}
    if right == THIN_EVENTS and world.unknowns["thin_events_by_event_read"]:
        return bool({right, "event_read"} & given)
    noun, _, how = right.rpartition("_")
    nouns = {noun, *(one for one, implied in IMPLIED.items() if noun in implied and how == "read")}
    return bool(
        {f"{one}_{level}" for one in nouns for level in ({"read", "write"} if how == "read" else {how})} & given
    )


def check(world: World, key: Any, rights: list[str]) -> None:
    """Refuse a call that a restricted key may not make. Raises StripeRefusal 403 in the wording of the key."""
    if not isinstance(key, dict):
        return
    for right in rights:
        if not has(world, key, right):
            raise refusal(world, key, right)


def refusal(world: World, key: Obj, right: str) -> StripeRefusal:
    """Return the 403 that names the right and the account (SB 8.2, 8.3)."""
    shown, account = f"{key['key'][:8]}***{key['key'][-4:]}", world.account["id"]
    begins = (
        f"The provided key '{shown}' does not have the required permissions for this endpoint on account '{account}'."
    )
    wording = key.get("wording", "new")
    if wording == "old":
        message = f"{begins} Having the 'rak_{right}' permission would allow this request to continue."
    else:
        message = (
            f"Permission denied. {begins} Enabling \"{label(right)}\" ('{right}') permissions on this key would allow "
            f"this request to continue."
        )
    return StripeRefusal(message, status=403, code=CODES.get(wording))


def label(right: str) -> str:
    """Return the words that Stripe's dashboard has for a right."""
    if right == ACCOUNT:
        return "Basic Business Contact Information Read"
    noun, _, how = right.rpartition("_")
    return f"{LABELS.get(noun, noun.replace('_', ' ').title() + 's')} {how.title()}"
