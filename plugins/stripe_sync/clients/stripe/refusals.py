"""Stripe's errors in the words of our tree: what stops the run, what is tried again, what fails one row.

Messages carry Stripe's code, parameter and request id; a message of Stripe's that repeats a value of ours is left out.
"""

from __future__ import annotations

import re

import stripe

from stripe_sync.core.errors import NotAuthorized, Replayed, RowFailed, StripeSyncError, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode

# A right in a refusal: 'rak_plan_read' in the older wording, ('plan_read') in the newer one.
RIGHT = re.compile(r"'(?:rak_)?([a-z0-9_]+_(?:read|write))'")
ACCOUNT = re.compile(r"\bacct_[A-Za-z0-9]+")
# Codes that have a reason of their own; all others are STRIPE_REFUSED.
REASONS = {"resource_already_exists": ReasonCode.ID_TAKEN, "customer_tax_location_invalid": ReasonCode.TAX_LOCATION}
# Codes of 4xx answers that may succeed when tried again.
AGAIN = frozenset({"lock_timeout", "rate_limit"})
# Reasons of a 429 that are about one object, and not about the pace of an endpoint or an account.
OF_ONE_OBJECT = frozenset({"lock_timeout", "resource-specific"})


def translate(error: stripe.StripeError, what: str) -> StripeSyncError:
    """Return the error of our tree for an error of Stripe's; ``what`` names the call."""
    found = first(error, what)
    status = error.http_status or 0
    repeated = (error.headers or {}).get("idempotent-replayed") == "true"
    if (repeated and (status == 402 or status >= 500)) or (
        isinstance(error, stripe.IdempotencyError) and status == 400
    ):
        refused = found if isinstance(found, RowFailed) and status == 402 else None
        message = f"Stripe keeps the answer {status} for the idempotency key: {what} ({error.request_id})."
        return Replayed(message, status=status, refused=refused)
    return found


def first(error: stripe.StripeError, what: str) -> StripeSyncError:
    """Return the error of our tree for an answer that is no replay."""
    where = f"{what} ({error.request_id or 'no request id'})"
    body = error.error
    code = (body.code if body is not None else None) or error.code or ""
    if isinstance(error, stripe.AuthenticationError):
        return NotAuthorized(f"Stripe does not accept the key: {where}; correct the password of the connection.")
    if isinstance(error, stripe.PermissionError):
        return forbidden(error, where)
    if isinstance(error, stripe.RateLimitError) or code in AGAIN or error.http_status == 409:
        reason = (error.headers or {}).get("stripe-rate-limited-reason", code)
        limited = reason if error.http_status == 429 and reason not in OF_ONE_OBJECT else ""
        return Transient(f"Stripe asks to slow down ({reason}): {where}.", limited=limited)
    if isinstance(error, stripe.APIConnectionError):
        return Transient(f"Stripe does not answer: {where}; check the network and the connection's host.")
    if isinstance(error, stripe.CardError):
        decline = getattr(body, "decline_code", None) or code
        return RowFailed(
            ReasonCode.PAYMENT_FAILED, f"Stripe could not take the payment ({decline}): {where}.", decline=decline
        )
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        param = getattr(error, "param", None)
        about = f", parameter {param}" if param else ""
        reason = REASONS.get(code, ReasonCode.STRIPE_REFUSED)
        return RowFailed(reason, f"Stripe refused ({code or error.http_status}{about}): {where}.")
    if isinstance(error, stripe.APIError) and not isinstance(error.json_body, dict):
        return Transient(
            f"Stripe's answer is no JSON object ({error.http_status}): {where}; look whether a proxy answers."
        )
    if error.http_status is not None and error.http_status >= 500 and error.http_status != 501:
        return Transient(f"Stripe has a problem ({error.http_status}): {where}.")
    return UnknownShape(f"Stripe answered {error.http_status} in a way that is not understood: {where}.")


def forbidden(error: stripe.PermissionError, where: str) -> NotAuthorized:
    """Return the error of a 403, with the right and the account that Stripe's two wordings name (SB 8.2, 8.3)."""
    body: object = error.json_body
    inner = body.get("error") if isinstance(body, dict) else None
    log = inner.get("request_log_url") if isinstance(inner, dict) else None
    told = error.user_message or ""
    right = RIGHT.search(told)
    account = ACCOUNT.search(told) or ACCOUNT.search(str(log or ""))
    named = f": {right.group(1)}" if right else ""
    return NotAuthorized(
        f"The key may not do this: {where}; give the restricted key this right in Stripe{named}.",
        right=right.group(1) if right else "",
        account=account.group() if account else "",
    )
