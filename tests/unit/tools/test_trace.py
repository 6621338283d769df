"""A way through calls visits each function once and counts changes of package; recorded calls have their callers."""

from __future__ import annotations

import ast
import sys
import threading
from importlib import util
from itertools import pairwise
from pathlib import Path

import pytest

from tools.trace.calls import Calls
from tools.trace.passing import is_call_alone, passing
from tools.trace.walk import figures, walk

RUN, LOAD, DECIDE, PRICE, STORE = (
    ("cli.main", "run"),
    ("warehouse.rows", "load"),
    ("domain.plan.build", "build"),
    ("domain.target.prices", "price"),
    ("warehouse.rows", "store"),
)
EDGES = [(RUN, LOAD, 10), (RUN, DECIDE, 11), (DECIDE, PRICE, 5), (RUN, STORE, 12), (STORE, LOAD, 3)]


def test_a_way_is_depth_first_in_the_order_of_lines_and_comes_back() -> None:
    assert walk(EDGES[::-1], [RUN]) == [RUN, LOAD, RUN, DECIDE, PRICE, DECIDE, RUN, STORE, RUN]


def test_calls_on_one_line_are_in_order_of_time() -> None:
    """A loop over steps calls each on its line."""
    assert walk([(RUN, STORE, 1), (RUN, LOAD, 1)], [RUN])[1::2] == [STORE, LOAD]


@pytest.mark.parametrize(
    ("body", "alone"),
    [
        ("return g(a, b=c.d, *e)", True),
        ("'A docstring.'; g(a)", True),
        ("return g(h(a))", False),
        ("return a", False),
        ("x = a; return g(x)", False),
    ],
)
def test_a_function_that_passes_a_call_on(body: str, alone: bool) -> None:
    (function,) = ast.parse(f"def f(a, c, e): {body}").body
    assert isinstance(function, ast.FunctionDef)
    assert is_call_alone(function) is alone


def test_modules_that_pass_a_call_on(tmp_path: Path) -> None:
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "main.py").write_text("def run(): return other(1)\ndef unused(): return 1\n")
    (tmp_path / "money.py").write_text("class Money:\n    def plain(self): return self.a + 1\n")
    assert passing(tmp_path, [RUN, ("money", "Money.plain")]) == ["cli.main"]


def test_figures_of_a_way() -> None:
    found = figures(walk(EDGES, [RUN]), calls=5)
    assert (found.functions, found.modules, found.packages) == (5, 4, 3)
    # cli warehouse cli domain cli warehouse cli: six changes, of which two are to a package for the first time
    assert (found.changes, found.returns) == (6, 4)
    assert found.folder_changes == 8  # domain.plan and domain.target are folders of one package
    # main rows main build prices build main rows main
    assert found.visits == 9


def test_code_that_runs_on_import_and_other_threads() -> None:
    on_import = (("cli.main", "<module>"), ("core.money", "table"), 1)
    thread = ("apply.executor", "work")
    assert walk([*EDGES, on_import], [on_import[0], RUN, thread])[-1] == thread
    assert on_import[1] not in walk([*EDGES, on_import], [on_import[0], RUN])


def test_deep_calls_and_loops_end() -> None:
    names = [("a.b", str(n)) for n in range(5000)]
    edges = [(one, other, 1) for one, other in pairwise(names)] + [(names[-1], names[0], 1)]
    assert len(set(walk(edges, [names[0]]))) == 5000


def test_recorded_calls_name_their_caller_through_other_code(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "code.py").write_text(
        "def run():\n    return [one(n) for n in sorted([2, 1], key=key)]\ndef key(n):\n    return n\ndef one(n):\n    return n\n"
    )
    spec = util.spec_from_file_location("code_of_a_test", tmp_path / "inner" / "code.py")
    assert spec is not None and spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    calls = Calls(f"{tmp_path}/")
    before = sys.getprofile()
    with calls.recording():
        module.run()
        thread = threading.Thread(target=module.run)
        thread.start()
        thread.join()
    sys.setprofile(before)
    # A comprehension is a call of its own until Python 3.12, which is an edge from run to run.
    assert {(a[1], b[1]) for a, b, _ in calls.edges} - {("run", "run")} == {("run", "key"), ("run", "one")}
    assert list(calls.roots) == [("inner.code", "run")]
