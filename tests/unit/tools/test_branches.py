"""Branches are counted by function, in the modules of the settings alone."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.branches import SETTINGS, BranchesError, Settings, find, functions, load_settings


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("return x", 0),
        ("if x: return 1", 1),
        ("if x:\n  pass\nelif y:\n  pass\nelse:\n  pass", 2),
        ("return 1 if x else 2", 1),
        ("while x: pass", 1),
        ("return [a for a in x if a if y]", 2),
        ("return x and y and z or x", 3),
        ("for a in x: pass", 0),
        ("match x:\n  case 1: pass\n  case 2: pass\n  case _: pass", 2),
        ("f = lambda: 1 if x else 2", 1),
        ("def inner():\n  if x: pass", 0),
    ],
)
def test_branches_of_a_function(body: str, count: int) -> None:
    indented = "\n".join(f"  {line}" for line in body.splitlines())
    tree = ast.parse(f"def f(x, y, z):\n{indented}")
    assert {name: n for _, name, n in functions(tree)}["f"] == count


def test_functions_above_the_most_are_found_and_excepted(tmp_path: Path) -> None:
    (tmp_path / "steps").mkdir()
    body = "  if x: pass\n" * 3
    (tmp_path / "steps" / "a.py").write_text(f"def f(x):\n{body}\ndef g(x):\n{body}")
    (tmp_path / "other.py").write_text(f"def f(x):\n{body}")
    found = find(tmp_path, Settings(("steps/*.py",), most=2, exceptions=(("steps/a.py", "g"),)))
    assert [str(f) for f in found] == ["steps/a.py:1: f has 3 branches: decide in the domain."]
    assert find(tmp_path, Settings(("absent/*.py",), most=2)) == []


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text('modules = []\nmost = 2\n[[exceptions]]\npath = "a.py"\nname = "f"\n')
    with pytest.raises(BranchesError, match="need a reason: f"):
        load_settings(tmp_path / "b.toml")


def test_the_projects_settings_are_readable() -> None:
    assert load_settings(SETTINGS).most == 2
