"""Clock of a run. It is read once per run; domain code receives the time and never reads the system's."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """A source of time."""

    def now(self) -> datetime:
        """Return the time, UTC."""


class SystemClock:
    """The machine's clock, in whole seconds."""

    def now(self) -> datetime:
        """Return the time, UTC, in whole seconds."""
        return datetime.now(UTC).replace(microsecond=0)


def from_epoch(seconds: int) -> datetime:
    """Return the UTC time of Unix seconds, Stripe's form of time."""
    return datetime.fromtimestamp(seconds, UTC)


def epoch(time: datetime) -> int:
    """Return the Unix seconds of an aware time."""
    return int(time.timestamp())
