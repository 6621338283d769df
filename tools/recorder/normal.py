"""Names the things of a world by what they are, so that equal behaviour gives equal lines.

Ids of Stripe depend on the order in which threads reach the sandbox: an object is named by its ownership marker, or by
its parent and its content. Moments of the real clock, ports, folders and random UUIDs have one name each.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.world.state import World

Obj = dict[str, Any]
MARKER = "stiggSyncKey"
PARENTS = ("customer", "subscription", "price", "product", "coupon", "invoice")
ID = re.compile(r"\b[a-z]{2,10}_(?:test_)?[A-Za-z0-9]{14,}\b")
UUID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")
MOMENT = re.compile(r"\b(20\d\d-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?")
PLACES = (
    (re.compile(r"127\.0\.0\.1:\d+"), "HOST"),
    (re.compile(r"(?:/[\w.-]+)*/(?:pytest-of-[\w-]+|stripe_sync-tests-)[\w./-]*"), "FOLDER"),
    (re.compile(r"(?:manual|scheduled)__[\w:.+-]+"), "RUN"),
    (re.compile(r"stripe_sync-(UUID)-\d+-"), r"stripe_sync-\1-N-"),
    (re.compile(r"\bstigg-\d+\b"), "stigg-N"),
    (re.compile(r'("holder": "[^"]*)/[0-9a-f]{8}"'), r'\1/HOLDER"'),
)


class Normal:
    """The names of one world's objects, and of the moments of this process."""

    def __init__(self, world: World) -> None:
        self.stigg = json.dumps(world.stigg, default=str)
        self.objects = {id: (kind, o) for kind, all in world.stripe.items() for id, o in all.items()}
        self.names: dict[str, str] = {}

    def line(self, row: Obj) -> str:
        """Return one row as a line of JSON with normal names."""
        text = json.dumps(row, sort_keys=True, default=str)
        text = UUID.sub(lambda found: found[0] if found[0] in self.stigg else "UUID", text)
        text = MOMENT.sub(real_time, text)
        for pattern, name in PLACES:
            text = pattern.sub(name, text)
        return ID.sub(lambda found: self.name(found[0]), text)

    def name(self, id: str) -> str:
        """Return the name of a Stripe id: its kind, and what its object is."""
        if id not in self.names:
            prefix = id.partition("_")[0]
            self.names[id] = f"{prefix}_"  # an object that refers to itself ends here
            self.names[id] = f"{prefix}_<{self.described(id)}>"
        return self.names[id]

    def described(self, id: str) -> str:
        """Return the marker of an object, else its parents and its name, period or description."""
        _, obj = self.objects.get(id, ("", {}))
        marker = (obj.get("metadata") or {}).get(MARKER, "").partition(" ")[0]
        if marker:
            return str(marker)
        parents = [self.name(v) for v in map(obj.get, PARENTS) if isinstance(v, str) and ID.fullmatch(v)]
        told = [
            str(obj[key]) for key in ("name", "description", "billing_reason", "period_start", "amount") if obj.get(key)
        ]
        return " ".join([*parents, *told])


def real_time(found: re.Match[str]) -> str:
    """Return NOW for a moment within a day of the real clock; another one is the world's and stays."""
    moment = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00")
    return "NOW" if abs(moment - datetime.now(UTC)) < timedelta(days=1) else found[0]
