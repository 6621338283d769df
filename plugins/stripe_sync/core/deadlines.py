"""Deadline of a complete request. Time-outs of HTTP libraries apply to each read, and an answer may arrive byte by byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 60.0
_local = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Limit all reads of this thread to so many seconds in total, while the block runs."""
    before = getattr(_local, "at", None)
    _local.at = time.monotonic() + seconds
    try:
        yield
    finally:
        _local.at = before


def left(timeout: float | None) -> float | None:
    """Return the seconds left for the next read, at most ``timeout``. Raises TimeoutError after the deadline."""
    at = getattr(_local, "at", None)
    if at is None:
        return timeout
    seconds: float = at - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the complete answer took too long")
    return seconds if timeout is None else min(timeout, seconds)
