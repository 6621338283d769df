"""Links from ownership markers: our objects whose creation is not in the journal (BILLING 11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from stripe_sync.core import keys
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.warehouse.snapshots.snapshots import ObjectWithMarker

Found = tuple[str, str]  # link key, Stripe id


@dataclass
class MarkerCount:
    """Counts the ownership markers of existing objects: those of an environment, and those that it cannot verify.

    ``environment`` is the escaped name, the second part of every link key.
    """

    signer: Signer
    environment: str
    own: int = 0
    others: int = 0

    def count(self, markers: Iterable[str]) -> MarkerCount:
        """Add markers to the count."""
        for marker in markers:
            key = self.signer.key_of(marker)
            is_own = key is not None and keys.LinkKey.parse(key).environment == self.environment
            self.own, self.others = self.own + is_own, self.others + (not is_own)
        return self


def proven(
    rows: Iterable[ObjectWithMarker],
    signer: Signer,
    known: Mapping[str, str],
    unlinked: Collection[Found] = (),
) -> tuple[list[Found], list[Found]]:
    """Return (verified links, link suggestions for a person) of objects with a marker.

    A marker verifies a link if its signature is valid, its key is not linked, and exactly one existing object has it.
    Pairs that a person unlinked (``unlinked``) are not linked again.
    """
    linked = set(known.values())
    carriers: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        key = signer.key_of(row.mark)
        if key and not row.deleted and row.status not in ENDED_STATUSES:
            carriers[key].append(row.id)
    verified, suggestions = [], []
    for key, ids in sorted(carriers.items()):
        if len(ids) > 1:
            suggestions += [(key, id) for id in ids if id not in linked]
        elif key not in known and ids[0] not in linked and (key, ids[0]) not in unlinked:
            verified.append((key, ids[0]))
    return verified, suggestions
