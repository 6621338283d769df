"""No story switches off a refusal of either API, except those listed with the reason: limits in real time here, switches in
tests/support/refusals.py, which sees them while a story runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.builder import WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import UNKNOWNS, World, from_document
from tests.support import refusals
from tests.support.switches import STORIES, Answered

TESTS = Path(__file__).parents[2]
# The modules that stories are built with.
SHARED = sorted((TESTS / "support").glob("*.py"))
# Limits of 0 and a patched sandbox: a 429 counts requests per second and minute of real time, and a story plays months.
# test_budget and test_stigg_limits switch the limits on.
ALLOWED = {
    "support/harness.py::built",
    "support/sandbox_client.py::sandbox_client",
    "support/pairs.py::paired",
    "scenarios/test_pair.py::account",
    "scenarios/test_account.py::another",
}
WAYS: dict[str, Callable[[World, str], None]] = {
    "an item": lambda world, name: world.unknowns.__setitem__(name, not UNKNOWNS[name]),
    "an update": lambda world, name: world.unknowns.update({name: not UNKNOWNS[name]}),
    "an update by name": lambda world, name: world.unknowns.update(**{name: not UNKNOWNS[name]}),
    "a union": lambda world, name: setattr(world, "unknowns", world.unknowns.__ior__({name: not UNKNOWNS[name]})),
    "other answers": lambda world, name: setattr(world, "unknowns", UNKNOWNS | {name: not UNKNOWNS[name]}),
    "a patch": lambda world, name: pytest.MonkeyPatch().setitem(world.unknowns, name, not UNKNOWNS[name]),
}
BY_DEFAULT = [name for name in refusals.REFUSING if UNKNOWNS[name] is refusals.REFUSING[name]]


def test_a_limit_that_is_switched_off_is_named() -> None:
    files = [*sorted(STORIES.glob("*.py")), *SHARED]
    found = {f"{path.relative_to(TESTS)}::{name}" for path in files for name in switched_off(path)}
    assert sorted(found - ALLOWED) == [], "they switch a refusal off: say why in ALLOWED, or leave it on"
    assert sorted(ALLOWED - found) == [], "they switch nothing off any more"


def test_each_switch_that_is_a_refusal_is_known() -> None:
    assert set(refusals.REFUSING) <= set(UNKNOWNS)
    assert {"debit_refused_at_once", "pending_negative_with_tax"} <= set(BY_DEFAULT)


@pytest.mark.parametrize("story", sorted(refusals.ALLOWED))
def test_a_story_that_switches_a_refusal_off_is_there(story: str) -> None:
    file, _, name = story.partition("::")
    assert f"def {name}(" in (STORIES / file).read_text(encoding="utf-8")


@pytest.fixture
def world() -> World:
    return from_document(WorldBuilder().document())


@pytest.mark.parametrize("name", BY_DEFAULT)
@pytest.mark.parametrize("way", WAYS)
def test_each_way_to_switch_a_refusal_off_is_seen(world: World, way: str, name: str) -> None:
    with pytest.raises(AssertionError, match=f"switches refusals off: {name}"), refusals.watched(world):
        WAYS[way](world, name)


def test_a_refusal_that_is_off_in_the_document_or_by_a_request_is_seen() -> None:
    document = WorldBuilder().document() | {"unknowns": {"isk_rounds": True}}
    with pytest.raises(AssertionError, match="isk_rounds"), refusals.watched(from_document(document)):
        pass
    world = from_document(WorldBuilder().document())
    with pytest.raises(AssertionError, match="isk_rounds"), refusals.watched(world), running(world) as (url, _):
        httpx.post(f"{url}/_world/unknowns", json={"isk_rounds": True}, verify=False).raise_for_status()
        httpx.post(f"{url}/_world/unknowns", json={"isk_rounds": False}, verify=False).raise_for_status()


def test_what_refuses_more_and_one_of_two_answers_are_no_refusals_switched_off(world: World) -> None:
    with refusals.watched(world):
        world.unknowns |= {"finalization_moves": False, "item_ties_up": True, "large_pages": True}
        Answered("isk_rounds", answer=True, end=0).give(world)
        assert world.unknowns["isk_rounds"]


def switched_off(path: Path) -> Iterator[str]:
    """Yield the functions of a file that switch a refusal off by a limit of 0, or by patching the sandbox."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    own = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("sandbox")
        for alias in node.names
    }
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and any(turns_off(node, own) for node in ast.walk(function)):
            yield function.name


def turns_off(node: ast.AST, own: set[str]) -> bool:
    """Return whether a statement switches a limit off or patches the sandbox; ``own`` are a file's names from the sandbox."""
    if isinstance(node, ast.Call):
        return is_patch(node, own)
    if not isinstance(node, (ast.Assign, ast.AugAssign)):
        return False
    target = ast.unparse(node.targets[0] if isinstance(node, ast.Assign) else node.target)
    if "limits" not in target or "environment" in target:
        return False
    return "NO_LIMITS" in ast.unparse(node.value) or any(is_zero(part) for part in ast.walk(node.value))


def is_zero(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == 0 and node.value is not False


def is_patch(node: ast.Call, own: set[str]) -> bool:
    """Return whether a call patches something of the sandbox."""
    first = ast.unparse(node.args[0]) if node.args else ""
    patches = ast.unparse(node.func).endswith((".setattr", ".setitem"))
    return patches and (first.split(".")[0] in own or first.strip("'\"").startswith("sandbox."))
