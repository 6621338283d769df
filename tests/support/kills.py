"""A process that dies within a run, and what the next run finds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Literal
from unittest.mock import patch

import pytest

from stripe_sync.apply import executor
from stripe_sync.domain.plan.actions import ActionKind


class Killed(BaseException):
    """The process dies here."""


def die(*given: Any, **more: Any) -> Any:
    """Raise Killed, whatever the arguments are."""
    raise Killed


@contextmanager
def killed_in(kind: ActionKind, part: Literal["send", "finish"]) -> Iterator[None]:
    """Have the process die in a part of the handler of an action kind; the part is restored afterwards."""
    parts: dict[str, Any] = {part: die}
    handlers = {kind: replace(executor.HANDLERS[kind], **parts)}
    with patch.dict(executor.HANDLERS, handlers), pytest.raises(Killed):
        yield


@contextmanager
def killed_at(target: Any, name: str) -> Iterator[None]:
    """Have the process die in a function of a module or class; the function is restored afterwards."""
    with patch.object(target, name, die), pytest.raises(Killed):
        yield
