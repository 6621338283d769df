"""Measures of the modules of a package, by reading their source."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import sources
from tools.seams.search import Settings as Seams
from tools.seams.search import find

Function = ast.FunctionDef | ast.AsyncFunctionDef
QUESTION = re.compile(r"(What|Whoever|How|Where|When|Whether)\b")
STATEMENT = re.compile(
    r"\s*(select\s.+\sfrom\s|insert\s+into\s|update\s+\S+\s+set\s|delete\s+from\s|with\s+\S+\s+as\s*\(|"
    r"(create|alter|drop)\s+(unlogged\s+)?(table|index|schema|view|function)\s|copy\s+\S+\s|truncate\s|lock\s+table\s)",
    re.IGNORECASE | re.DOTALL,
)


@dataclass(frozen=True)
class Settings:
    """The package, limits, names of values that are compared, and calls that take SQL."""

    package: str
    most_lines: int
    kinds: frozenset[str]
    sql_calls: frozenset[str]


@dataclass(frozen=True)
class Row:
    """A figure: its name and its value as text."""

    name: str
    value: str


def measure(root: Path, settings: Settings, seams: Seams) -> list[Row]:
    """Return the figures of the tree below ``root``."""
    modules = dict(sources.python(root, settings.package))
    trees = {path: ast.parse(source) for path, source in modules.items()}
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, Function)]
    untyped = Counter(finding.kind for finding in find(root, seams))
    statements = [span for tree in trees.values() for span in sql_statements(tree, settings.sql_calls)]
    lengths = {path: len(source.splitlines()) for path, source in modules.items()}
    longest = max(lengths, key=lambda path: lengths[path])
    folders = Counter(path.rpartition("/")[0] for path in modules if not path.endswith("/__init__.py"))
    fullest, most = folders.most_common(1)[0]
    short = f"{settings.package}/"
    contracts, ignored = import_contracts(root / "pyproject.toml")
    return [
        Row("untyped signatures", str(untyped["signature"])),
        Row("untyped fields", str(untyped["field"])),
        Row("casts and optional-everything TypedDicts at these borders", str(untyped["cast"] + untyped["type"])),
        Row(
            "comparisons of kinds, lanes, modes and states with a text",
            str(sum(text_comparisons(tree, settings.kinds) for tree in trees.values())),
        ),
        Row("SQL statements in Python", str(len(statements))),
        Row("lines of these", str(sum(statements))),
        Row("`# fmt: skip`", str(sum(format_skips(source) for source in modules.values()))),
        Row("functions", str(len(functions))),
        Row("functions with more than two positional parameters", str(sum(positional(f) > 2 for f in functions))),
        Row(
            "docstrings that begin with What, Whoever, How, Where, When or Whether",
            str(sum(map(question_docstrings, trees.values()))),
        ),
        Row("modules", str(len(modules))),
        Row("most modules in a folder", f"{most} ({fullest.removeprefix(short)})"),
        Row("lines of the longest module", f"{lengths[longest]} ({longest.removeprefix(short)})"),
        Row(
            f"modules of more than {settings.most_lines} lines",
            str(sum(n > settings.most_lines for n in lengths.values())),
        ),
        Row("import contracts", str(contracts)),
        Row("imports that contracts ignore", str(ignored)),
    ]


def text_comparisons(tree: ast.Module, kinds: frozenset[str]) -> int:
    """Count comparisons of a value with one of these names with a text, ``startswith`` and cases of a match included."""
    return sum(_compares_text(node, kinds) for node in ast.walk(tree))


def sql_statements(tree: ast.Module, calls: frozenset[str]) -> Iterator[int]:
    """Yield the lines of each SQL statement that stands in Python, as a literal or put together of literals."""
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _last(node.func) in calls and node.args and id(node.args[0]) not in inside:
            first = node.args[0]
            if _has_text(first) and (_last(node.func) == "text" or STATEMENT.match(_words(first))):
                inside.update(id(inner) for inner in ast.walk(first))
                yield _lines(first)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside and STATEMENT.match(_words(node)):
            inside.update(id(inner) for inner in ast.walk(node))
            yield _lines(node)


def format_skips(source: str) -> int:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return sum(token.type == tokenize.COMMENT and "fmt: skip" in token.string for token in tokens)


def positional(function: Function) -> int:
    """Count the parameters that can be given by position, without self and cls."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def question_docstrings(tree: ast.Module) -> int:
    """Count docstrings that begin with a question word."""
    nodes = [n for n in ast.walk(tree) if isinstance(n, ast.Module | ast.ClassDef | Function)]
    return sum(bool(QUESTION.match(ast.get_docstring(node) or "")) for node in nodes)


def import_contracts(path: Path) -> tuple[int, int]:
    """Return the number of import-linter's contracts, and of imports that they ignore."""
    rows = tomllib.loads(path.read_text(encoding="utf-8"))["tool"].get("importlinter", {}).get("contracts", [])
    return len(rows), sum(len(row.get("ignore_imports", [])) for row in rows)


def _compares_text(node: ast.AST, kinds: frozenset[str]) -> int:
    match node:
        case ast.Compare(left=left, comparators=others):
            sides = [left, *others]
            return int(any(_last(s) in kinds for s in sides) and any(_is_text(s) for s in sides))
        case ast.Call(func=ast.Attribute(value=value, attr="startswith" | "endswith"), args=[first, *_]):
            return int(_last(value) in kinds and _is_text(first))
        case ast.Match(subject=subject, cases=cases):
            return sum(_is_text_case(case.pattern) for case in cases) if _last(subject) in kinds else 0
        case _:
            return 0


def _last(node: ast.expr) -> str:
    """Return the last name of an expression: ``a.b`` is b, ``a["b"]`` is b, ``a.get("b")`` is b, ``b(x)`` is b."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=ast.Attribute(attr="get"), args=[ast.Constant(value=str(name)), *_]):
            return name
        case ast.Call(func=function):
            return _last(function)
        case _:
            return ""


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant(value=str()):
            return True
        case ast.Tuple(elts=rows) | ast.List(elts=rows) | ast.Set(elts=rows):
            return bool(rows) and any(_is_text(row) for row in rows)
        case _:
            return False


def _is_text_case(pattern: ast.pattern) -> bool:
    match pattern:
        case ast.MatchValue(value=value):
            return _is_text(value)
        case ast.MatchOr(patterns=patterns):
            return any(map(_is_text_case, patterns))
        case _:
            return False


def _has_text(node: ast.expr) -> bool:
    return any(isinstance(inner, ast.Constant) and isinstance(inner.value, str) for inner in ast.walk(node)) and not (
        isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    )


def _words(node: ast.expr) -> str:
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(_words(value) if isinstance(value, ast.Constant) else "{}" for value in values)
        case ast.BinOp(left=left, right=right):
            return _words(left) + _words(right)
        case _:
            return ""


def _lines(node: ast.expr) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1
