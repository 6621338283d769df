"""The one tree of errors; a message names the object, the rule and the way out.

StripeSyncError
├── RunStopped            the run ends: nothing after it can be right
│   ├── ConfigurationError    settings, connections, connections' content
│   ├── AccountRefused        key, account, mode or environment are not what was declared
│   ├── NotAuthorized         the API does not accept the key, or not for this
│   ├── UnknownShape          an answer that this version does not understand
│   ├── Incomplete            an extract that must not be compared
│   ├── GateFailed            a data-quality check that concerns a whole table
│   └── StalePlan             the plan is older than it may be when applied
├── Transient             may succeed when tried again: limits, time-outs, server errors
├── Replayed              the answer is the one that Stripe keeps for an idempotency key; only another key asks again
├── RowFailed             one row's failure; all others go on
└── Waiting               a person or another run has to act first
"""

from __future__ import annotations

from stripe_sync.core import reasons

__all__ = [
    "AccountRefused", "ConfigurationError", "GateFailed", "Incomplete", "NotAuthorized", "Replayed", "RowFailed",
    "RunStopped", "StalePlan", "StripeSyncError", "Transient", "UnknownShape", "Waiting",
]  # fmt: skip


class StripeSyncError(Exception):
    """Everything that this package raises on purpose."""


class RunStopped(StripeSyncError):
    """The run ends: nothing after it can be right."""


class ConfigurationError(RunStopped):
    """Settings or connections cannot be used as they are."""


class AccountRefused(RunStopped):
    """Key, account, mode or environment are not what the environment declares (invariant 6)."""


class NotAuthorized(RunStopped):
    """The API does not accept the key, or not for this call.

    ``right`` and ``account`` are what Stripe names in the refusal: a right such as ``plan_read``, and the account's id.
    """

    def __init__(self, message: str, *, right: str = "", account: str = "") -> None:
        super().__init__(message)
        self.right = right
        self.account = account


class UnknownShape(RunStopped):
    """An answer that this version does not understand."""


class Incomplete(RunStopped):
    """An extract that must not be compared (invariant 5)."""


class GateFailed(RunStopped):
    """A data-quality check that concerns a whole table failed."""


class StalePlan(RunStopped):
    """The plan is older than it may be when it is applied: plan again."""


class Transient(StripeSyncError):
    """May succeed when tried again. ``limited`` names the limit that was exceeded, where one was."""

    def __init__(self, message: str, *, limited: str = "") -> None:
        super().__init__(message)
        self.limited = limited


class Replayed(StripeSyncError):
    """The answer that Stripe keeps for an idempotency key came again: ``status`` is 402, 5xx, or 400 for other parameters.

    ``refused`` is the failure of the row that the first answer was, where it was one.
    """

    def __init__(self, message: str, *, status: int, refused: RowFailed | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.refused = refused


class RowFailed(StripeSyncError):
    """One row's failure, with its reason code; all other rows go on (invariant 8).

    ``decline`` is Stripe's decline code of a payment, or its error code where it gave none; "" for any other failure.
    """

    def __init__(self, reason: reasons.ReasonCode, detail: str, *, decline: str = "") -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.decline = decline


class Waiting(StripeSyncError):
    """A person or another run has to act first."""
