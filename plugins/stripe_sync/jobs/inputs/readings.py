"""Readings of single objects: a failure stops its subscription, all others go on (invariant 8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import TracebackType
from typing import Final

from stripe_sync.core.errors import EntityError, Incomplete, Transient, UnknownShape

SYSTEMATIC: Final = 5  # failures in a row after which the run ends: Stripe does not answer
REFUSED: Final = (EntityError, Incomplete, Transient, UnknownShape)
MALFORMED: Final = (KeyError, IndexError, TypeError, ValueError)


@dataclass
class Readings:
    """The reasons of failed readings by Stripe subscription; the failure is raised that makes ``most`` in a row (0: each)."""

    failures: dict[str, str] = field(default_factory=dict)
    in_a_row: int = 0
    most: int = SYSTEMATIC

    def of(self, subscription: str) -> Reading:
        """Return a context that keeps the failure of a reading of a subscription's object."""
        return Reading(self, subscription)

    def note(self, subscription: str, why: str, *, may_be_systematic: bool) -> bool:
        """Note a failure; return whether the others go on: not where too many failed in a row."""
        self.in_a_row += may_be_systematic
        self.failures[subscription] = why
        return self.in_a_row < self.most

    def sentences(self) -> list[str]:
        """Return a sentence on each subscription of which an object could not be read."""
        return [
            f"The usage of {subscription} could not be billed, because an object could not be read: {why} The next run reads it "
            "again."
            for subscription, why in sorted(self.failures.items())
        ]


@dataclass(frozen=True)
class Reading:
    """Context of one reading: a failure is noted, and raised where it is one of too many in a row."""

    readings: Readings
    subscription: str

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> bool:
        if error is None:
            self.readings.in_a_row *= self.subscription in self.readings.failures
        elif isinstance(error, REFUSED):
            why = error.detail if isinstance(error, EntityError) else str(error)
            return self.readings.note(self.subscription, why, may_be_systematic=True)
        elif isinstance(error, MALFORMED):
            why = f"The answer has an unexpected shape ({type(error).__name__}: {error})."
            return self.readings.note(self.subscription, why, may_be_systematic=False)
        return False
