"""Lead of a finalization time (docs/unknowns.md, ``smallest_lead``). Pure.

Stripe does not document the smallest lead. A release uses five minutes; where Stripe refuses that as too near,
for more than an hour, so that a draft is finalized late and never stays switched off. An answer of ``probe`` goes first.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

RELEASED: Final = timedelta(minutes=5)
LONGER: Final = timedelta(minutes=65)
SPARE: Final = timedelta(minutes=5)  # what passes between a decision and its call
TIME: Final = "automatically_finalizes_at"


def leads(answer: str) -> tuple[timedelta, ...]:
    """Return the leads to ask for, one after the other until Stripe takes one; ``answer`` is that of probe, or empty."""
    found = re.fullmatch(r"(\d+) s", answer)
    if found is None:
        return RELEASED, LONGER
    first = max(RELEASED, timedelta(seconds=int(found[1])) + SPARE) if int(found[1]) > RELEASED.seconds else RELEASED
    return (first, LONGER) if first < LONGER else (first,)


def is_too_near(detail: str) -> bool:
    """Return whether the sentence of a refusal is about the time of finalization."""
    return f"parameter {TIME}" in detail
