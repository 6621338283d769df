"""The one source of time. It is read once a run; business code is given the moment and never asks the system."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time, UTC."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock, in whole seconds."""

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)


def from_epoch(seconds: int) -> datetime:
    """UTC time of Unix seconds, the form in which Stripe writes time."""
    return datetime.fromtimestamp(seconds, UTC)


def epoch(moment: datetime) -> int:
    """Unix seconds of an aware time."""
    return int(moment.timestamp())
