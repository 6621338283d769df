"""Values as types, checked: the one way from JSON to the package's types.

Two threads that are the first to use a type crash the process in msgspec (0.22), which shows a type to the others before it
is complete. So each type is made known under a lock, once.
"""

from __future__ import annotations

import threading
from typing import Any, TypeVar

import msgspec

Type = TypeVar("Type")
_known: set[Any] = set()
_lock = threading.Lock()


def typed(value: Any, type: type[Type], *, strict: bool = True) -> Type:
    """A decoded JSON value as a type. Raises msgspec.ValidationError; not ``strict``, numbers may be texts and so on."""
    if type not in _known:
        with _lock:
            msgspec.json.Decoder(type)
            _known.add(type)
    return msgspec.convert(value, type, strict=strict)
