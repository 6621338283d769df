"""Errors of the package. A message names the object, the rule and the way out.

StripeSyncError
├── FatalError            the run ends; later steps would be wrong
│   ├── ConfigurationError    settings or connections are unusable
│   ├── AccountRefused        key, account, mode or environment differ from the settings
│   ├── NotAuthorized         the API does not accept the key, or not for this call
│   ├── UnknownShape          an answer that this version does not understand
│   ├── Incomplete            an extract that must not be compared
│   ├── CheckFailed           a data-quality check of a table failed
│   └── StalePlan             the plan is too old to be applied
├── Transient             may succeed when retried: rate limits, time-outs, server errors
├── Replayed              Stripe repeats the stored answer of an idempotency key; a new key is required
├── EntityError           one row failed; all others continue
└── NotReady              a person or another run has to act first
"""

from __future__ import annotations

from stripe_sync.core import reasons

__all__ = [
    "AccountRefused",
    "CheckFailed",
    "ConfigurationError",
    "EntityError",
    "FatalError",
    "Incomplete",
    "NotAuthorized",
    "NotReady",
    "Replayed",
    "StalePlan",
    "StripeSyncError",
    "Transient",
    "UnknownShape",
]


class StripeSyncError(Exception):
    """Base class of the errors that this package raises."""


class FatalError(StripeSyncError):
    """The run ends; later steps would be wrong."""


class ConfigurationError(FatalError):
    """Settings or connections are unusable."""


class AccountRefused(FatalError):
    """Key, account, mode or environment differ from the settings (invariant 6)."""


class NotAuthorized(FatalError):
    """The API does not accept the key, or not for this call.

    ``right`` and ``account`` are from Stripe's refusal: a permission such as ``plan_read``, and the account's id; empty if absent.
    """

    def __init__(self, message: str, *, right: str = "", account: str = "") -> None:
        super().__init__(message)
        self.right = right
        self.account = account


class UnknownShape(FatalError):
    """An answer that this version does not understand."""


class Incomplete(FatalError):
    """An extract that must not be compared (invariant 5)."""


class CheckFailed(FatalError):
    """A data-quality check of a table failed."""


class StalePlan(FatalError):
    """The plan is too old to be applied; create a new one."""


class Transient(StripeSyncError):
    """May succeed when retried. ``limited`` names the rate limit that was exceeded, or is empty."""

    def __init__(self, message: str, *, limited: str = "") -> None:
        super().__init__(message)
        self.limited = limited


class Replayed(StripeSyncError):
    """Stripe repeated the stored answer of an idempotency key; ``status`` is 402, 5xx, or 400 for other parameters.

    ``refused`` is the row failure of the first answer, or None.
    """

    def __init__(self, message: str, *, status: int, refused: EntityError | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.refused = refused


class EntityError(StripeSyncError):
    """One row failed, with its reason code; all other rows continue (invariant 8).

    ``decline`` is Stripe's decline code of a payment, or its error code if there is none; empty for any other failure.
    ``is_missing``: Stripe does not have the object of the request (404 ``resource_missing``).
    """

    def __init__(self, reason: reasons.ReasonCode, detail: str, *, decline: str = "", is_missing: bool = False) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.decline = decline
        self.is_missing = is_missing


class NotReady(StripeSyncError):
    """A person or another run has to act first."""
