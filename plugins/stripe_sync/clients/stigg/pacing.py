"""Stigg's rate limits by operation, and the budget that keeps them (SB 18.1)."""

from __future__ import annotations

from typing import Final, Protocol

# Requests per minute, by the name of the operation; other mutations have 250, other reads 3,000.
MUTATIONS: Final = 250.0
READS: Final = 3000.0
LIMITS: Final = {"UsageHistory": 250.0, "Subscriptions": 1500.0, "ProbeUsage": 3000.0}


class Budget(Protocol):
    """A rate budget; ``per_minute`` is Stigg's limit of an operation."""

    def wait(self, operation: str, per_minute: float) -> None:
        """Sleep until a request of this operation may start."""

    def slow_down(self, operation: str) -> None:
        """Reduce the rate of an operation after Stigg refused a request as one too many."""


class NoBudget:
    """A budget without limits."""

    def wait(self, operation: str, per_minute: float) -> None: ...

    def slow_down(self, operation: str) -> None: ...


def limit_of(operation: str, document: str) -> float:
    """Return Stigg's limit of an operation, requests per minute."""
    return LIMITS.get(operation, MUTATIONS if document.lstrip().startswith("mutation") else READS)
