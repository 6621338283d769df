"""Figures of the layout, each on a small source with a known count."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

from tools.counts import measures
from tools.counts.__main__ import label, manual, replaced, table
from tools.counts.measures import Row, Settings, measure
from tools.seams.search import Settings as Seams

KINDS = frozenset({"kind", "state", "lane"})
CALLS = frozenset({"text", "execute"})


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ('x.kind == "price"', 1),
        ('"price" == kind', 1),
        ('kind in ("price", "coupon")', 1),
        ('row["state"] != "held"', 1),
        ('row.get("state") == "held"', 1),
        ("x.kind == Kind.PRICE", 0),
        ('x.name == "price"', 0),
        ('kind.endswith(".create")', 1),
        ('name.endswith(".create")', 0),
        ('match x.state:\n  case "a" | "b": pass\n  case "c": pass\n  case _: pass', 2),
        ("match x.state:\n  case State.A: pass", 0),
    ],
)
def test_comparisons_with_a_text(source: str, count: int) -> None:
    assert measures.text_comparisons(ast.parse(source), KINDS) == count


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ('text("select 1")', [1]),
        ('c.execute("select a from b")', [1]),
        ('c.execute(\n  text(\n    "select a "\n    "from b"\n  )\n)', [2]),
        ('text(f"select {x} from b")', [1]),
        ("text(read('a.sql'))", []),
        ("c.execute(statement)", []),
        ('QUERY = """select a\nfrom b"""', [2]),
        ('message = "update the price"', []),
        ('message = "select one of these"', []),
        ('x = "insert into a values (1)"', [1]),
    ],
)
def test_sql_in_python(source: str, lines: list[int]) -> None:
    assert list(measures.sql_statements(ast.parse(source), CALLS)) == lines


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f(a, b, *, c): ...", 2),
        ("def f(self, a, b): ...", 2),
        ("def f(a, /, b, c=1): ...", 3),
        ("def f(*a): ...", 0),
    ],
)
def test_positional_parameters(source: str, count: int) -> None:
    (function,) = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert measures.positional(function) == count


def test_question_words_and_skips() -> None:
    tree = ast.parse(
        '"""What it is."""\ndef f():\n    """Whether it is."""\ndef g():\n    """Say what."""\ndef h(): ...'
    )
    assert measures.question_docstrings(tree) == 2
    assert measures.format_skips('x = 1  # fmt: skip\ny = "# fmt: skip"\n') == 1


def test_a_tree_has_every_figure(tmp_path: Path) -> None:
    (tmp_path / "pkg/app/domain").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[[tool.importlinter.contracts]]\nignore_imports = ['a -> b']\n")
    (tmp_path / "pkg/app/__init__.py").write_text("")
    (tmp_path / "pkg/app/domain/a.py").write_text("from typing import Any\ndef f(x: Any) -> None: ...\n" * 2)
    (tmp_path / "pkg/app/domain/b.py").write_text("")
    rows = measure(tmp_path, Settings("pkg/app", 3, KINDS, CALLS), Seams("pkg/app", {"domain": ("domain",)}, ()))
    values = {row.name: row.value for row in rows}
    assert values["untyped signatures"] == "2"
    assert values["most modules in a folder"] == "2 (domain)"
    assert values["lines of the longest module"] == "4 (domain/a.py)"
    assert values["modules of more than 3 lines"] == "1"
    assert (values["import contracts"], values["imports that contracts ignore"]) == ("1", "1")


def test_a_table_replaces_the_one_of_a_document() -> None:
    shown = table({"abc": [Row("modules", "1")], "def": [Row("modules", "2")]})
    assert shown == "| figure | abc | def |\n|---|---|---|\n| modules | 1 | 2 |"
    assert replaced("# T\n\n| figure | x |\n|---|---|\n| a | 1 |\n\nend\n", shown) == f"# T\n\n{shown}\n\nend\n"


def test_a_revision_has_its_hash_and_its_figure_by_hand() -> None:
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    assert head.startswith(label("HEAD"))
    assert manual({"2a6a268": ["a", "b"], "HEAD": ["a"]}, "2a6a268") == "2"
    assert manual({"2a6a268": ["a", "b"], "HEAD": ["a"]}, label("HEAD")) == "1"
