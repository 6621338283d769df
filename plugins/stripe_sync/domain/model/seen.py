"""The last reading of Stigg that showed a subscription paid for, and the first that did not."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Seen:
    """Moments in Unix seconds, UTC. ``paid`` is None where no reading showed it paid for.

    ``planned`` is the moment of a change to its plan of now that the last such reading showed, if it lies between the two.
    """

    paid: int | None
    unpaid: int
    planned: int | None = None
