"""Changes of arguments are found in functions of the domain; exceptions have reasons and are needed."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tools.purity import SETTINGS, PurityError, changes, find, load_exceptions
from tools.sources import ROOT


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("return [*x, 1]", 0),
        ("made = dict(x)\nmade['a'] = 1", 0),
        ("made = []\nfor a in x: made.append(a)", 0),
        ("x = sorted(x)", 0),
        ("y = x.copy()\ny.sort()", 0),
        ("x.a = 1", 1),
        ("x['a'] = 1", 1),
        ("x.a['b'].c = 1", 1),
        ("x.a += 1", 1),
        ("x |= {1}", 1),
        ("del x['a']", 1),
        ("a, x.b = 1, 2", 1),
        ("x.append(1)", 1),
        ("x.rows.setdefault(1, []).append(2)", 1),
        ("rows = x.rows\nrows[1] = 2", 1),
        ("for row in x.rows: row['a'] = 1", 1),
        ("object.__setattr__(x, 'a', 1)", 1),
        ("def inner(): x.pop()", 1),
        ("return lambda y: y.clear()", 1),
    ],
)
def test_changes_of_an_argument(body: str, count: int) -> None:
    indented = "\n".join(f"  {line}" for line in body.splitlines())
    assert len(list(changes(ast.parse(f"def f(x):\n{indented}")))) == count


def test_no_function_of_the_domain_changes_an_argument_without_a_reason() -> None:
    changed = {(c.path.removeprefix("plugins/stripe_sync/domain/"), c.function) for c in find(ROOT)}
    assert changed == load_exceptions(SETTINGS)


def test_an_exception_needs_a_reason(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text('[[exceptions]]\npath = "a.py"\nfunction = "f"\n')
    with pytest.raises(PurityError, match="need a reason: f"):
        load_exceptions(tmp_path / "p.toml")
