"""Stigg's errors as errors of our tree: what stops the run, what is tried again, what fails one row."""

from __future__ import annotations

from typing import Any

from stripe_sync.core.errors import NotAuthorized, RowFailed, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode

AGAIN = frozenset(
    {"RateLimitExceeded", "ObjectAlreadyBeingUsedByAnotherRequestError", "OperationTimeout", "UnexpectedError"}
)
REFUSED = frozenset(
    {
        "Unauthenticated",
        "UNAUTHENTICATED",
        "ApiKeyExpired",
        "AccessDeniedError",
        "IdentityForbidden",
        "EnvironmentMissing",
    }
)
ENDED = frozenset({"SubscriptionAlreadyCanceledOrExpired"})
ROW = frozenset(
    {
        "SubscriptionNotFound", "CustomerNotFound", "FeatureNotFound", "InvalidCancellationDate", "TrialMustBeCancelledImmediately",
        "SchedulingAtEndOfBillingPeriod", "InvalidMetadataError", "PlanNotFound", "AddonNotFound", "CouponNotFound",
        "CheckoutIsNotSupported", "BillingIntegrationMissing", "TooManySubscriptionsPerCustomer",
        "DuplicatedEntityNotAllowed",
    }
)  # fmt: skip


class AlreadyEnded(RowFailed):
    """A write on a subscription that Stigg has ended already."""


def refuse(name: str, status: int, answer: Any) -> None:
    """Raise what an answer says is wrong; errors come with status 200 as well as with others.

    What is no JSON object, or has neither data nor errors, is no answer of Stigg's, and a 409 without a code is one of
    something else under way.
    """
    errors = answer.get("errors") if isinstance(answer, dict) else None
    told = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    extensions = told.get("extensions") or {}
    code, trace = extensions.get("code", ""), extensions.get("traceId", "no trace id")
    if status in (401, 403) or code in REFUSED:
        raise NotAuthorized(
            f"Stigg does not accept the key for {name} ({code or status}, {trace}); correct the connection."
        )
    again = status == 429 or (status >= 500 and status != 501) or code in AGAIN
    is_strange = not isinstance(answer, dict) or (status == 200 and not {"data", "errors"} & answer.keys())
    if again or (status == 409 and not code) or is_strange:
        limited = name if status == 429 or code == "RateLimitExceeded" else ""
        raise Transient(f"Stigg asks to try {name} again ({code or status}, {trace}).", limited=limited)
    if code in ENDED:
        raise AlreadyEnded(ReasonCode.STIGG_REFUSED, f"Stigg has ended it already ({trace}).")
    if code in ROW:
        raise RowFailed(ReasonCode.STIGG_REFUSED, f"Stigg refused {name} ({code}, {trace}).")
    if errors or status != 200 or not isinstance(answer.get("data"), dict):
        raise UnknownShape(f"Stigg's answer to {name} is not understood ({code or status}, {trace}).")
