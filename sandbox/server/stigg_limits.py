"""Stigg's rate limits, in real time: so many requests a minute of an operation, of an entity and in all (SB 18.1).

A world file's ``stigg.limits`` changes them: requests a window by name, 0 for none, and ``seconds``, how long a window is.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from typing import Final

from sandbox.world.state import Obj, World

# Requests a minute. Lists that are not named, and single reads, are the 3,000 of ``reads``.
LIMITS: Final[dict[str, float]] = {
    "seconds": 60, "edge": 6000, "entity": 30, "mutation": 250, "usageHistoryV2": 250, "customerSubscriptions": 1500,
    "reads": 3000, "reportUsage": 3000,
}  # fmt: skip
# How an input names the entity that it changes.
ENTITIES: Final = ("subscriptionRefId", "subscriptionId", "customerId", "refId")


class Limits:
    """The requests of the last window, by the limit that counts them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: dict[str, deque[float]] = defaultdict(deque)

    def exceeded(self, kind: str, root: str, variables: Obj) -> str:
        """Return the name of the limit that this request exceeds, "" for none; one that is let through is counted."""
        limits = LIMITS | self.world.stigg_limits
        now = time.monotonic()
        names = counted(kind, root, variables)
        for name, limit in names.items():
            recent = self.taken[name]
            while recent and recent[0] <= now - limits["seconds"]:
                recent.popleft()
            if 0 < limits[limit] <= len(recent):
                return limit
        for name in names:
            self.taken[name].append(now)
        return ""


def counted(kind: str, root: str, variables: Obj) -> dict[str, str]:
    """Return the limits that count a request, by the name of what is counted."""
    own = root if root in LIMITS else "mutation" if kind == "mutation" else "reads"
    names = {"edge": "edge", root: own}
    given = variables.get("input") or {}
    entity = next((str(given[name]) for name in ENTITIES if given.get(name)), "")
    return names | ({f"{root} {entity}": "entity"} if kind == "mutation" and entity else {})
