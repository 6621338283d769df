"""Pacing of requests: the budget that a client waits for, and the count of its requests."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Protocol


class Budget(Protocol):
    """A rate budget: decides when a request may start."""

    def wait(self, endpoint: str) -> None:
        """Sleep until a request to the endpoint may start."""

    def slow_down(self, endpoint: str, reason: str) -> None:
        """Reduce the rate after Stripe refused a request as one too many."""

    def in_lane(self, lane: str) -> Budget:
        """Return the budget with the priority of a lane."""


class NoBudget:
    """A budget without limits."""

    def wait(self, endpoint: str) -> None: ...

    def slow_down(self, endpoint: str, reason: str) -> None: ...

    def in_lane(self, lane: str) -> Budget:
        return self


@dataclass
class Tally:
    """Counts of a client by endpoint: requests, seconds waited for the budget, rate-limited answers. Thread-safe."""

    requests: Counter[str] = field(default_factory=Counter)
    limited: Counter[str] = field(default_factory=Counter)
    waited: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def count_request(self, endpoint: str, *, waited: float) -> None:
        """Count a request and the seconds that it waited for the budget."""
        with self._lock:
            self.requests[endpoint] += 1
            self.waited[endpoint] += waited

    def count_limited(self, endpoint: str) -> None:
        """Count a rate-limited answer."""
        with self._lock:
            self.limited[endpoint] += 1
