"""The way of a reader through recorded calls: each function once, depth first, in the order of lines, on one line of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from tools.trace.calls import Edge, Node

MODULE = "<module>"


@dataclass(frozen=True)
class Figures:
    """Counts of one way: modules and packages entered, visits, changes of package, returns to an earlier
    one, and changes of folder, which counts the folders inside a package apart."""

    calls: int
    functions: int
    modules: int
    packages: int
    visits: int
    changes: int
    returns: int
    folder_changes: int


def walk(edges: Iterable[Edge], roots: Iterable[Node]) -> list[Node]:
    """Return the functions as a reader sees them: a call leads to the callee and back, a known function is not entered.

    Code that runs on import is left out. Roots of other threads follow the first root, sorted.
    """
    callees = _callees(edges)
    first, *others = [root for root in roots if root[1] != MODULE]
    seen: set[Node] = set()
    return [node for root in [first, *sorted(others)] if root not in seen for node in _visit(root, callees, seen)]


def figures(way: list[Node], *, calls: int) -> Figures:
    """Count a way. A return is a change to a package in which the way was before."""
    modules = _collapsed(module for module, _ in way)
    packages = _collapsed(package(module) for module in modules)
    return Figures(
        calls,
        len(set(way)),
        len(set(modules)),
        len(set(packages)),
        len(modules),
        len(packages) - 1,
        len(packages) - len(set(packages)),
        len(_collapsed(module.rpartition(".")[0] for module in modules)) - 1,
    )


def package(module: str) -> str:
    """Return the package of a module below the root: ``apply.resources.coupon`` is in apply, ``money`` in the root."""
    return module.partition(".")[0] if "." in module else "root"


def _visit(node: Node, callees: Mapping[Node, list[Node]], seen: set[Node]) -> Iterator[Node]:
    """Yield a function, what it calls, and the function again after each of them; without recursion of Python's."""
    seen.add(node)
    yield node
    path = [(node, iter(callees.get(node, ())))]
    while path:
        _, waiting = path[-1]
        following = next((callee for callee in waiting if callee not in seen), None)
        if following is None:
            path.pop()
            if path:
                yield path[-1][0]
            continue
        seen.add(following)
        yield following
        path.append((following, iter(callees.get(following, ()))))


def _callees(edges: Iterable[Edge]) -> dict[Node, list[Node]]:
    found: dict[Node, dict[Node, int]] = {}
    for caller, callee, line in edges:
        if MODULE not in (caller[1], callee[1]):
            lines = found.setdefault(caller, {})
            lines[callee] = min(line, lines.get(callee, line))
    return {caller: sorted(lines, key=lambda callee: lines[callee]) for caller, lines in found.items()}


def _collapsed(names: Iterable[str]) -> list[str]:
    collapsed: list[str] = []
    for name in names:
        if collapsed[-1:] != [name]:
            collapsed.append(name)
    return collapsed
