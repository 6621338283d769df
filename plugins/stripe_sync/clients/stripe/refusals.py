"""Stripe's errors as errors of ``core.errors``: fatal for the run, retried, or the failure of one row.

Messages have Stripe's code, parameter and request id. Stripe's own message is left out, since it may repeat our values.
"""

from __future__ import annotations

import re

import stripe

from stripe_sync.core.errors import EntityError, NotAuthorized, Replayed, StripeSyncError, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode

# A permission in a refusal: 'rak_plan_read' in the older wording, ('plan_read') in the newer one.
RIGHT = re.compile(r"'(?:rak_)?([a-z0-9_]+_(?:read|write))'")
ACCOUNT = re.compile(r"\bacct_[A-Za-z0-9]+")
# Error codes with a separate reason code; all others are STRIPE_REFUSED.
REASONS = {"resource_already_exists": ReasonCode.ID_TAKEN, "customer_tax_location_invalid": ReasonCode.TAX_LOCATION}
# Codes of 4xx answers that are retried.
RETRIED_CODES = frozenset({"lock_timeout", "rate_limit"})
# Reasons of a 429 that concern one object, not the rate of an endpoint or an account.
OBJECT_LIMITS = frozenset({"lock_timeout", "resource-specific"})


def translate(error: stripe.StripeError, endpoint: str) -> StripeSyncError:
    """Return the StripeSyncError of an error of the SDK."""
    found = first_answer(error, endpoint)
    status = error.http_status or 0
    is_replayed = (error.headers or {}).get("idempotent-replayed") == "true"
    if (is_replayed and (status == 402 or status >= 500)) or (
        isinstance(error, stripe.IdempotencyError) and status == 400
    ):
        refused = found if isinstance(found, EntityError) and status == 402 else None
        message = f"Stripe repeats the stored answer {status} of the idempotency key: {endpoint} ({error.request_id})."
        return Replayed(message, status=status, refused=refused)
    return found


def first_answer(error: stripe.StripeError, endpoint: str) -> StripeSyncError:
    """Return the StripeSyncError of an answer that is not a replay."""
    where = f"{endpoint} ({error.request_id or 'no request id'})"
    body = error.error
    code = (body.code if body is not None else None) or error.code or ""
    if isinstance(error, stripe.AuthenticationError):
        return NotAuthorized(f"Stripe does not accept the key: {where}. Correct the password of the connection.")
    if isinstance(error, stripe.PermissionError):
        return forbidden(error, where)
    if isinstance(error, stripe.RateLimitError) or code in RETRIED_CODES or error.http_status == 409:
        reason = (error.headers or {}).get("stripe-rate-limited-reason", code)
        limited = reason if error.http_status == 429 and reason not in OBJECT_LIMITS else ""
        return Transient(f"Stripe's rate limit was exceeded ({reason}): {where}.", limited=limited)
    if isinstance(error, stripe.APIConnectionError):
        return Transient(f"Stripe does not answer: {where}. Check the network and the connection's host.")
    if isinstance(error, stripe.CardError):
        decline = getattr(body, "decline_code", None) or code
        return EntityError(ReasonCode.PAYMENT_FAILED, f"Payment declined ({decline}): {where}.", decline=decline)
    if isinstance(error, stripe.InvalidRequestError | stripe.IdempotencyError):
        param = getattr(error, "param", None)
        about = f", parameter {param}" if param else ""
        reason = REASONS.get(code, ReasonCode.STRIPE_REFUSED)
        is_missing = error.http_status == 404 and code == "resource_missing"
        detail = f"Stripe refused ({code or error.http_status}{about}): {where}."
        return EntityError(reason, detail, is_missing=is_missing)
    if isinstance(error, stripe.APIError) and not isinstance(error.json_body, dict):
        return Transient(
            f"Stripe's answer is not a JSON object ({error.http_status}): {where}. Check whether a proxy answers."
        )
    if error.http_status is not None and error.http_status >= 500 and error.http_status != 501:
        return Transient(f"Stripe server error ({error.http_status}): {where}.")
    return UnknownShape(
        f"Unknown answer of Stripe ({error.http_status}): {where}. Check the API version, or update this package."
    )


def forbidden(error: stripe.PermissionError, where: str) -> NotAuthorized:
    """Return the error of a 403, with the permission and the account that Stripe names in either wording (SB 8.2, 8.3)."""
    body: object = error.json_body
    inner = body.get("error") if isinstance(body, dict) else None
    log = inner.get("request_log_url") if isinstance(inner, dict) else None
    message = error.user_message or ""
    right = RIGHT.search(message)
    account = ACCOUNT.search(message) or ACCOUNT.search(str(log or ""))
    permission = f": {right.group(1)}" if right else ""
    return NotAuthorized(
        f"The key lacks a permission: {where}. Grant it to the restricted key in Stripe{permission}.",
        right=right.group(1) if right else "",
        account=account.group() if account else "",
    )
