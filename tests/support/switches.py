"""Stories that end differently under the two answers of a switch of the sandbox (docs/unknowns.md).

``@ends("item_ties_up", yes=501, no=500)`` runs a story under both answers: its harness gives the answer, and its argument ``end``
is what the story asserts then. tests/unit/project/test_switches.py holds that each switch has such a story, or a reason why not.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sandbox.world.state import UNKNOWNS, World
from tests.support import refusals

STORIES = Path(__file__).parents[1] / "scenarios"


@dataclass(frozen=True)
class Answered:
    """One answer of a switch, and how a story ends under it."""

    switch: str
    answer: bool
    end: Any

    def give(self, world: World) -> None:
        refusals.give(world, self.switch, answer=self.answer)


def ends(switch: str, *, yes: Any, no: Any) -> pytest.MarkDecorator:
    """Run a story under both answers of a switch. Raises ValueError for an unknown switch, or if both answers end the same."""
    if switch not in UNKNOWNS:
        raise ValueError(f"there is no switch {switch}")
    if yes == no:
        raise ValueError(f"the story ends alike under both answers of {switch}")
    both = [Answered(switch, answer=answer, end=end) for answer, end in ((True, yes), (False, no))]
    ids = [f"{switch}={'yes' if one.answer else 'no'}" for one in both]
    return pytest.mark.parametrize("end", both, ids=ids, indirect=True)


def answered(request: pytest.FixtureRequest) -> Answered | None:
    """Return the answer that a story runs under; None where its end does not depend on one."""
    callspec = getattr(request.node, "callspec", None)
    found = callspec.params.get("end") if callspec else None
    return found if isinstance(found, Answered) else None


@dataclass(frozen=True)
class Story:
    """A story under ``@ends``: ``asserts`` tells whether one of its assertions is about the end."""

    switch: str
    name: str
    asserts: bool


@cache
def stories() -> tuple[Story, ...]:
    """Return each story of tests/scenarios that is written under ``@ends``. The files are read once a process."""
    return tuple(story for path in sorted(STORIES.glob("test_*.py")) for story in stories_in(path))


def stories_in(path: Path) -> Iterator[Story]:
    """Yield each story of a file that is written under ``@ends``."""
    text = path.read_text(encoding="utf-8")
    if "@ends(" in text:
        for node in ast.parse(text).body:
            if isinstance(node, ast.FunctionDef):
                for switch in switches_of(node):
                    yield Story(switch, f"{path.name}::{node.name}", asserts_end(node))


def switches_of(story: ast.FunctionDef) -> list[str]:
    """Return the switches that the decorators of a function name."""
    return [
        str(call.args[0].value)
        for call in story.decorator_list
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "ends"
        and isinstance(call.args[0], ast.Constant)
    ]


def asserts_end(story: ast.FunctionDef) -> bool:
    """Return whether an assertion of a function names ``end``, or what is expected to be raised does."""
    assertions = [node for node in ast.walk(story) if isinstance(node, ast.Assert)]
    return any(isinstance(part, ast.Name) and part.id == "end" for node in assertions for part in ast.walk(node))
