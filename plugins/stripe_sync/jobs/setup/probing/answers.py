"""Answers of a question."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Yes:
    """The API does it."""

    detail: str = ""


@dataclass(frozen=True)
class No:
    """The API does not do it, or refuses exactly this."""

    detail: str = ""


@dataclass(frozen=True)
class Found:
    """The API does it, in a way that has a name or a number."""

    value: str
    detail: str = ""


@dataclass(frozen=True)
class Open:
    """Not answered: another error occurred, or this account does not show it."""

    detail: str


ProbeResult = Yes | No | Found | Open


def word(result: ProbeResult) -> str:
    """Return the answer in one word: ``yes``, ``no``, ``open``, or the value."""
    return result.value if isinstance(result, Found) else type(result).__name__.lower()
