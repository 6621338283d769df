"""The comparison of an object of Stripe with what an action wanted: the same canonical form on both sides."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stripe_sync.domain.model.documents import Document


def mismatches(wanted: Mapping[str, Any] | None, held: Document, instructions: Collection[str] = ()) -> Iterator[str]:
    """Yield the names of the fields that are not as wanted; ``instructions`` are names that are no fields."""
    for name, value in (wanted or {}).items():
        if name not in instructions and not same(held.get(name), value):
            yield name


def same(held: Any, wanted: Any) -> bool:
    """Return whether two values are equal, where an absent list and an empty one are."""
    return bool(held == wanted or (not held and not wanted and not isinstance(wanted, bool)))
