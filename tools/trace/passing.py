"""Modules that only pass a call on: each function of them on the way is one call with the values that it was given."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from tools.trace.calls import Node

Function = ast.FunctionDef | ast.AsyncFunctionDef


def passing(folder: Path, way: Iterable[Node]) -> list[str]:
    """Return the modules on the way that only pass a call on, sorted; ``folder`` is the package."""
    entered: dict[str, set[str]] = {}
    for module, name in way:
        entered.setdefault(module, set()).add(name)
    return sorted(module for module, names in entered.items() if _is_passing(folder, module, names))


def is_call_alone(function: Function) -> bool:
    """Return True if a function is one call of names, attributes and constants, whatever its docstring says."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    match body:
        case [ast.Return(value=ast.Call() as call)] | [ast.Expr(value=ast.Call() as call)]:
            return all(_is_plain(value) for value in [*call.args, *(keyword.value for keyword in call.keywords)])
        case _:
            return False


def _is_passing(folder: Path, module: str, names: set[str]) -> bool:
    path = folder.joinpath(*module.split(".")).with_suffix(".py")
    if not path.exists():
        path = folder.joinpath(*module.split("."), "__init__.py")
    functions = dict(_functions(ast.parse(path.read_text(encoding="utf-8")).body, ""))
    return all(name in functions and is_call_alone(functions[name]) for name in names)


def _functions(body: Iterable[ast.stmt], owner: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            yield owner + node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{owner}{node.name}.")


def _is_plain(node: ast.expr) -> bool:
    return isinstance(node, ast.Name | ast.Attribute | ast.Constant | ast.Starred)
