"""Facts that the design rests on and that could not be checked (BILLING 12): what is asked, and what waits for the answer.

docs/unknowns.md says the same for people, with the safe side of each; a test keeps the two together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

CATALOG, SUBSCRIPTIONS = "catalog", "subscriptions"


@dataclass(frozen=True)
class Unknown:
    """One question. ``lanes`` are those that may not enforce before it is answered or accepted by name."""

    name: str
    question: str
    lanes: tuple[str, ...] = ()


UNKNOWNS = (
    Unknown("coupon_id_reuse", "May the id of a deleted coupon be used again?", (CATALOG,)),
    Unknown("subscription_id_on_change", "Does Stigg give a subscription a new id when its plan changes?", (SUBSCRIPTIONS,)),
    Unknown("integrations_readable", "May a server key read Stigg's integrations?"),
    Unknown("event_logs_readable", "May a server key read Stigg's event logs?"),
    Unknown("largest_page", "How many rows does Stigg give in one page?"),
)  # fmt: skip
BY_NAME: Mapping[str, Unknown] = {unknown.name: unknown for unknown in UNKNOWNS}


def open_questions(answered: Iterable[str], accepted: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """What each lane still waits for before it may enforce: names of questions, by lane."""
    settled = {*answered, *accepted}
    waiting: dict[str, tuple[str, ...]] = {}
    for unknown in UNKNOWNS:
        for lane in unknown.lanes if unknown.name not in settled else ():
            waiting[lane] = (*waiting.get(lane, ()), unknown.name)
    return waiting
