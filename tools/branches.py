"""Count branches by function in the steps of the usage job: ``python -m tools.branches [--list] [--write-baseline]``.

A branch is an if, an elif, a conditional expression, a while, an if of a comprehension, an operand of and/or after the
first, or a case after the first. ``tools/branches.toml`` names the modules, the most that a function may have, and exceptions.
Without an option the number of functions with more than that may only fall, by folder.
Exit codes: 0 no finding (or none above the baseline), 1 findings, 2 settings or the baseline cannot be read.
"""

from __future__ import annotations

import argparse
import ast
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tools import sources
from tools.ratchet import RatchetError, compare, load, ratchet, save
from tools.sources import ROOT

SETTINGS = ROOT / "tools" / "branches.toml"
BASELINE = ROOT / "tools" / "baselines" / "branches.toml"
Function = ast.FunctionDef | ast.AsyncFunctionDef


class BranchesError(Exception):
    """Settings that cannot be read."""


@dataclass(frozen=True)
class Settings:
    """Globs of the modules, the most branches of a function, and (glob, function) of those that may have more."""

    modules: tuple[str, ...]
    most: int
    exceptions: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Finding:
    """A function with too many branches."""

    path: str
    line: int
    name: str
    count: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.name} has {self.count} branches: decide in the domain."


def load_settings(path: Path) -> Settings:
    """Read the settings. Raises BranchesError; an exception without a reason is one."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = table.get("exceptions", [])
        if missing := [row["name"] for row in rows if not row.get("reason", "").strip()]:
            raise BranchesError(f"These exceptions of {path.name} need a reason: {', '.join(missing)}.")
        return Settings(tuple(table["modules"]), int(table["most"]), tuple((row["path"], row["name"]) for row in rows))
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise BranchesError(f"{path.name} cannot be read: {error}.") from error


def find(root: Path, settings: Settings) -> list[Finding]:
    """Return the functions with more branches than they may have; none where no module matches."""
    found = []
    for path in sources.paths(root):
        if path.endswith(".py") and sources.matches(path, settings.modules):
            for line, name, count in functions(ast.parse((root / path).read_text(encoding="utf-8"))):
                excepted = any(name == other and sources.matches(path, [glob]) for glob, other in settings.exceptions)
                if count > settings.most and not excepted:
                    found.append(Finding(path, line, name, count))
    return found


def functions(tree: ast.Module) -> Iterator[tuple[int, str, int]]:
    """Yield (line, name, branches) of each function; those of an inner function are its own."""
    yield 1, "module", _branches(tree)
    for node in ast.walk(tree):
        if isinstance(node, Function):
            yield node.lineno, node.name, _branches(node)


def _branches(node: ast.AST) -> int:
    total = 0
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, Function):
            total += _weight(child) + _branches(child)
    return total


def _weight(node: ast.AST) -> int:
    match node:
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return 0
        case ast.If() | ast.IfExp() | ast.While():
            return 1
        case ast.comprehension(ifs=conditions):
            return len(conditions)
        case ast.BoolOp(values=values):
            return len(values) - 1
        case ast.Match(cases=cases):
            return len(cases) - 1
        case _:
            return 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tools.branches", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="print every finding; the exit code is 1 if there is one")
    parser.add_argument("--write-baseline", action="store_true", help="keep the counts of today as the limit")
    parser.add_argument("--root", type=Path, default=ROOT, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        findings = find(given.root, load_settings(SETTINGS))
        keys = [("function", finding.path.rpartition("/")[0]) for finding in findings]
        if given.list:
            print("\n".join([*map(str, findings), f"{len(findings)} functions with too many branches."]))
            return 1 if findings else 0
        if given.write_baseline:
            save(BASELINE, ratchet(keys, ["function"]))
            print(f"{len(findings)} findings are the baseline.")
            return 0
        return compare("Branches", load(BASELINE), ratchet(keys), list(zip(keys, map(str, findings), strict=True)))
    except (BranchesError, RatchetError) as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
