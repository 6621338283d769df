"""Stigg's rate limits: how many requests a minute each operation may make, and who paces them (SB 18.1)."""

from __future__ import annotations

from typing import Final, Protocol

# Requests a minute, by the name of the operation; a mutation has 250, every other read 3,000.
MUTATIONS: Final = 250.0
READS: Final = 3000.0
LIMITS: Final = {"UsageHistory": 250.0, "Subscriptions": 1500.0}


class Budget(Protocol):
    """Who lets requests start. ``per_minute`` is Stigg's limit of an operation."""

    def wait(self, operation: str, per_minute: float) -> None:
        """Sleep until a request of this operation may start."""

    def slow_down(self, operation: str) -> None:
        """Take up that Stigg refused a request of this operation as one too many."""


class NoBudget:
    """Every request may start at once."""

    def wait(self, operation: str, per_minute: float) -> None: ...

    def slow_down(self, operation: str) -> None: ...


def limit_of(operation: str, document: str) -> float:
    """Return Stigg's limit of an operation, requests a minute."""
    return MUTATIONS if document.lstrip().startswith("mutation") else LIMITS.get(operation, READS)
