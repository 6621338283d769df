"""Find functions of the domain that change an argument: ``python -m tools.purity``.

A change is an assignment to, or a deletion of, an attribute or an item of a parameter, or a call of a method that changes
a collection (``append``, ``update``, ...). A name that is bound to a part of a parameter (``rows = draft.rows``, ``for row in
rows``) counts as the parameter. ``tools/purity.toml`` has the exceptions, each with a reason.
Exit codes: 0 no finding, 1 findings or an exception that excepts nothing, 2 the settings cannot be read.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import sources
from tools.sources import ROOT

SETTINGS = ROOT / "tools" / "purity.toml"
DOMAIN = "plugins/stripe_sync/domain"
CHANGING = frozenset(
    {
        "add",
        "append",
        "appendleft",
        "clear",
        "difference_update",
        "discard",
        "extend",
        "extendleft",
        "insert",
        "pop",
        "intersection_update",
        "popitem",
        "popleft",
        "remove",
        "reverse",
        "setdefault",
        "sort",
        "update",
        "symmetric_difference_update",
        "__setitem__",
        "__delitem__",
        "__setattr__",
    }
)
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class PurityError(Exception):
    """Settings that cannot be read."""


@dataclass(frozen=True)
class Change:
    """A statement that changes an argument."""

    path: str
    line: int
    function: str
    statement: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.function} changes an argument ({self.statement}): return a new value."


def find(root: Path) -> list[Change]:
    """Return the changes of arguments in the modules of the domain."""
    return [
        Change(path, line, function, statement)
        for path, source in sources.python(root, DOMAIN)
        for line, function, statement in changes(ast.parse(source))
    ]


def changes(
    tree: ast.AST, parameters: frozenset[str] = frozenset(), function: str = ""
) -> Iterator[tuple[int, str, str]]:
    """Yield (line, function, statement) of each change of a parameter below a node, in the order of the text."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function):
            name = getattr(node, "name", function)
            yield from changes(node, parameters | _parameters(node), name)
            continue
        if any(_root(part) in parameters for part in _changed(node)):
            statement = ast.unparse(node).partition("\n")[0]
            yield getattr(node, "lineno", 0), function, statement if len(statement) <= 80 else f"{statement[:80]}..."
        parameters |= _aliases(node, parameters)
        yield from changes(node, parameters, function)


def _parameters(node: Function) -> frozenset[str]:
    given = node.args
    several = [argument for argument in (given.vararg, given.kwarg) if argument is not None]
    return frozenset(argument.arg for argument in (*given.posonlyargs, *given.args, *given.kwonlyargs, *several))


def _changed(node: ast.AST) -> list[ast.expr]:
    """Return the expressions that a node changes: targets that are parts, and those a changing method is called of."""
    match node:
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return [part for target in targets for part in _parts(target)]
        case ast.AnnAssign(target=target) | ast.For(target=target):
            return _parts(target)
        case ast.AugAssign(target=target):
            return [target]
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in CHANGING:
            return [node.args[0]] if name == "__setattr__" and node.args else [value]
        case _:
            return []


def _parts(target: ast.expr) -> list[ast.expr]:
    """Return the attributes and items that a target binds; a plain name binds nothing that was given."""
    if isinstance(target, ast.Tuple | ast.List):
        return [part for element in target.elts for part in _parts(element)]
    if isinstance(target, ast.Starred):
        return _parts(target.value)
    return [target] if isinstance(target, ast.Attribute | ast.Subscript) else []


def _aliases(node: ast.AST, parameters: frozenset[str]) -> frozenset[str]:
    """Return the names that a node binds to a part of a parameter."""
    match node:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AnnAssign(target=ast.Name(id=name), value=value)
        ):
            return frozenset({name}) if value is not None and _root(value) in parameters else frozenset()
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            return frozenset({name}) if _root(value) in parameters else frozenset()
        case ast.For(target=ast.Name(id=name), iter=values):
            return frozenset({name}) if _root(values) in parameters else frozenset()
        case _:
            return frozenset()


def _root(node: ast.expr) -> str | None:
    """Return the name that an expression is a part of; None for the result of a call or an operation."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def load_exceptions(path: Path) -> set[tuple[str, str]]:
    """Return (path, function) of the exceptions. Raises PurityError; an exception without a reason is one."""
    try:
        rows = tomllib.loads(path.read_text(encoding="utf-8")).get("exceptions", [])
        if missing := [row["function"] for row in rows if not row.get("reason", "").strip()]:
            raise PurityError(f"These exceptions of {path.name} need a reason: {', '.join(missing)}.")
        return {(row["path"], row["function"]) for row in rows}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise PurityError(f"{path.name} cannot be read: {error}.") from error


def main() -> int:
    try:
        excepted, found = load_exceptions(SETTINGS), find(ROOT)
    except PurityError as error:
        print(error, file=sys.stderr)
        return 2
    changed = {(change.path.removeprefix(f"{DOMAIN}/"), change.function) for change in found}
    errors = [
        str(change) for change in found if (change.path.removeprefix(f"{DOMAIN}/"), change.function) not in excepted
    ]
    errors += [f"purity.toml: {function} of {path} changes nothing." for path, function in sorted(excepted - changed)]
    print("\n".join([*errors, f"Purity: {len(errors)} findings, {len(excepted)} exceptions."]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
