"""Stigg's errors as errors of ``core.errors``: fatal for the run, retried, or the failure of one row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stripe_sync.core.errors import EntityError, NotAuthorized, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode

RETRIED_CODES = frozenset(
    {"RateLimitExceeded", "ObjectAlreadyBeingUsedByAnotherRequestError", "OperationTimeout", "UnexpectedError"}
)
UNAUTHORIZED_CODES = frozenset(
    {
        "Unauthenticated",
        "UNAUTHENTICATED",
        "ApiKeyExpired",
        "AccessDeniedError",
        "IdentityForbidden",
        "EnvironmentMissing",
    }
)
ENDED_CODES = frozenset({"SubscriptionAlreadyCanceledOrExpired"})
ROW_CODES = frozenset(
    {
        "SubscriptionNotFound",
        "CustomerNotFound",
        "FeatureNotFound",
        "InvalidCancellationDate",
        "TrialMustBeCancelledImmediately",
        "SchedulingAtEndOfBillingPeriod",
        "InvalidMetadataError",
        "PlanNotFound",
        "AddonNotFound",
        "CouponNotFound",
        "CheckoutIsNotSupported",
        "BillingIntegrationMissing",
        "TooManySubscriptionsPerCustomer",
        "DuplicatedEntityNotAllowed",
    }
)


class AlreadyEnded(EntityError):
    """A write on a subscription that has already ended in Stigg."""


@dataclass(frozen=True)
class RawAnswer:
    """The status of an answer, and the code and message of its first error; empty without one."""

    status: int
    code: str
    message: str


def raw_answer(status: int, answer: Any) -> RawAnswer:
    """Return the first error of an answer as it is."""
    errors = answer.get("errors") if isinstance(answer, dict) else None
    first = errors[0] if errors else {}
    code = (first.get("extensions") or {}).get("code")
    return RawAnswer(status, str(code or ""), str(first.get("message") or ""))


def refuse(name: str, status: int, answer: Any) -> None:
    """Raise the error of an answer, if it has one; errors come with status 200 too.

    An answer that is not a JSON object, or has neither data nor errors, is not from Stigg and is retried; so is a 409
    without a code, which means that another request is in progress.
    """
    errors = answer.get("errors") if isinstance(answer, dict) else None
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = first.get("extensions") or {}
    code, trace = extensions.get("code", ""), extensions.get("traceId", "no trace id")
    if status in (401, 403) or code in UNAUTHORIZED_CODES:
        raise NotAuthorized(
            f"Stigg does not accept the key for {name} ({code or status}, {trace}). Correct the password of the connection."
        )
    is_retried = status == 429 or (status >= 500 and status != 501) or code in RETRIED_CODES
    is_foreign = not isinstance(answer, dict) or (status == 200 and not {"data", "errors"} & answer.keys())
    if is_retried or (status == 409 and not code) or is_foreign:
        limited = name if status == 429 or code == "RateLimitExceeded" else ""
        raise Transient(f"Stigg did not complete {name} ({code or status}, {trace}); it is retried.", limited=limited)
    if code in ENDED_CODES:
        raise AlreadyEnded(ReasonCode.STIGG_REFUSED, f"It has already ended in Stigg ({trace}).")
    if code in ROW_CODES:
        raise EntityError(ReasonCode.STIGG_REFUSED, f"Stigg refused {name} ({code}, {trace}).")
    if errors or status != 200 or not isinstance(answer.get("data"), dict):
        raise UnknownShape(
            f"Stigg's answer to {name} is not understood ({code or status}, {trace}). Check Stigg's API version, or update this package."
        )
