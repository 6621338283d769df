"""Checked conversion of decoded JSON to the package's types.

In msgspec 0.22 the process crashes if two threads use a type for the first time: msgspec publishes a type's information
before it is complete. So each type is prepared once, under a lock.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

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
