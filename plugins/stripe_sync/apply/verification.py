"""Comparison of a Stripe object with an action, in the same canonical form on both sides."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from stripe_sync.domain.model.documents import Document


def mismatches(target: Mapping[str, Any] | None, held: Document, instructions: Collection[str] = ()) -> Iterator[str]:
    """Yield the names of the fields that differ from the target; ``instructions`` are names that are not fields."""
    for name, value in (target or {}).items():
        if name not in instructions and not same(held.get(name), value):
            yield name


def same(held: Any, target: Any) -> bool:
    """Return whether two values are equal; an absent list equals an empty one."""
    return bool(held == target or (not held and not target and not isinstance(target, bool)))
