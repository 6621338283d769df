"""The time that a whole request may take. Time-outs of HTTP libraries are for each read, and an answer may come byte by byte."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

SECONDS = 60.0
_local = threading.local()


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Give every read of this thread so many seconds in all, while the block runs."""
    before = getattr(_local, "at", None)
    _local.at = time.monotonic() + seconds
    try:
        yield
    finally:
        _local.at = before


def left(timeout: float | None) -> float | None:
    """Return how many seconds the next read may take: ``timeout`` at most. Raises TimeoutError past the deadline."""
    at = getattr(_local, "at", None)
    if at is None:
        return timeout
    seconds: float = at - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("the whole answer took too long")
    return seconds if timeout is None else min(timeout, seconds)
