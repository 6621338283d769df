"""Cases of parametrized stories that take the same way through the code: a test run has some of them, ``make soak`` has all.

The seed of the run chooses, so other runs have other cases. TEST_CASES=all runs all of them, TEST_SEED those of that seed.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import TypeVar

SEED, ARE_ALL = int(os.environ.get("TEST_SEED", "1")), os.environ.get("TEST_CASES") == "all"
First = TypeVar("First")
Second = TypeVar("Second")


def chosen_cases(cases: Sequence[First], number: int) -> list[First]:
    """Return ``number`` neighbours of the cases, or all of them under TEST_CASES."""
    first, length = (0, len(cases)) if ARE_ALL else (SEED * number, number)
    return [cases[(first + step) % len(cases)] for step in range(length)]


def crossed(first: Sequence[First], second: Sequence[Second]) -> list[tuple[First, Second]]:
    """Return every pair of two lists; neighbours differ in both, so a few of them have each value."""
    whole = math.lcm(len(first), len(second))
    return [
        (first[number % len(first)], second[(number + number // whole) % len(second)])
        for number in range(len(first) * len(second))
    ]
