"""Checked conversion of decoded JSON to the package's types, and the texts of a JSON value.

In msgspec 0.22 the process crashes if two threads use a type for the first time: msgspec publishes a type's information
before it is complete. So each type is prepared once, under a lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from stripe_sync.core.errors import EntityError
from stripe_sync.core.reasons import ReasonCode

Type = TypeVar("Type")
_prepared: set[Any] = set()
_lock = threading.Lock()


def typed(value: Any, type: type[Type], *, strict: bool = True) -> Type:
    """Convert a decoded JSON value to a type. Raises msgspec.ValidationError.

    Without ``strict``, numbers may be texts, as in msgspec's lax mode.
    """
    if type not in _prepared:
        with _lock:
            msgspec.json.Decoder(type)
            _prepared.add(type)
    return msgspec.convert(value, type, strict=strict)


def from_stigg(row: Any, type: type[Type]) -> Type:
    """Return an answer from Stigg as an entity. Raises EntityError ``UNKNOWN_SHAPE``, naming the field and not its value."""
    try:
        return typed(row, type)
    except msgspec.ValidationError as error:
        raise EntityError(ReasonCode.UNKNOWN_SHAPE, f"Stigg's answer is not understood: {error}") from None


def from_stripe(row: Any, type: type[Type]) -> Type:
    """Return an answer from Stripe as an object. Raises EntityError ``UNKNOWN_SHAPE``, naming the field and not its value."""
    try:
        return typed(row, type, strict=False)
    except msgspec.ValidationError as error:
        raise EntityError(ReasonCode.UNKNOWN_SHAPE, f"Stripe's answer is not understood: {error}") from None


def texts_in(value: Any) -> Iterator[str]:
    """Yield every text of a JSON value, names of fields included."""
    waiting = [value]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield node
        elif isinstance(node, Mapping):
            waiting += [*node.keys(), *node.values()]
        elif isinstance(node, list | tuple):
            waiting += node
