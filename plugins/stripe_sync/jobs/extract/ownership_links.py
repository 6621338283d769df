"""Links that genuine marks prove: an object of ours whose creation nobody recorded (BILLING 11)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stripe_sync.core import keys
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual.stripe_objects import GONE

Found = tuple[str, str]  # link key, Stripe id


@dataclass
class Strangers:
    """Counts, among living objects, the marks that an environment made and those that it did not make or cannot verify.

    ``environment`` is the escaped name that stands second in every link key.
    """

    signer: Signer
    environment: str
    own: int = 0
    others: int = 0

    def count(self, marks: Iterable[str]) -> Strangers:
        """Counts these marks."""
        for mark in marks:
            key = self.signer.key_of(mark)
            genuine = key is not None and keys.LinkKey.parse(key).environment == self.environment
            self.own, self.others = self.own + genuine, self.others + (not genuine)
        return self


def proven(
    rows: Iterable[Mapping[str, Any]],
    signer: Signer,
    known: Mapping[str, str],
    unlinked: Collection[Found] = (),
) -> tuple[list[Found], list[Found]]:
    """(links that marks prove, candidates for a person), of objects with their ``mark``, ``status``, and whether ``deleted``.

    A mark proves a link where it is genuine, its key has no link yet, and exactly one living object carries it. What a
    person unlinked (``unlinked``) is not linked again by it.
    """
    linked = set(known.values())
    carriers: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        key = signer.key_of(row["mark"])
        if key and not row["deleted"] and row["status"] not in GONE:
            carriers[key].append(row["id"])
    proofs, candidates = [], []
    for key, ids in sorted(carriers.items()):
        if len(ids) > 1:
            candidates += [(key, id) for id in ids if id not in linked]
        elif key not in known and ids[0] not in linked and (key, ids[0]) not in unlinked:
            proofs.append((key, ids[0]))
    return proofs, candidates
