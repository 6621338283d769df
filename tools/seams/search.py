"""The search for untyped signatures, fields and casts."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools import sources
from tools.seams.aliases import Module, Name, parse, untyped_names, why_untyped

Function = ast.FunctionDef | ast.AsyncFunctionDef


class SeamsError(Exception):
    """Settings that cannot be read."""


@dataclass(frozen=True)
class Exempt:
    """A place that may stay untyped; ``name`` is a function, a class or a field, qualified or not."""

    path: str
    name: str
    reason: str


@dataclass(frozen=True)
class Settings:
    """The package, its scopes (paths below it, by name) and the exceptions."""

    package: str
    scopes: Mapping[str, tuple[str, ...]]
    exceptions: tuple[Exempt, ...]

    def scope(self, path: str) -> str | None:
        """Return the scope of a path of the tree; None where types are not held."""
        inner = path.removeprefix(f"{self.package}/")
        for name, folders in self.scopes.items():
            if any(inner == folder or inner.startswith(f"{folder}/") for folder in folders):
                return name
        return None

    def excepts(self, path: str, name: str) -> bool:
        """Return True if an exception names this place."""
        return any(
            sources.matches(path, [e.path]) and (name == e.name or name.rpartition(".")[2] == e.name)
            for e in self.exceptions
        )


@dataclass(frozen=True)
class Finding:
    """An untyped place: ``kind`` is signature, field, cast or type; ``name`` is qualified."""

    path: str
    line: int
    kind: str
    name: str
    part: str
    scope: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind} {self.name}: {self.part}"


def load(path: Path) -> Settings:
    """Read the settings. Raises SeamsError; an exception without a reason is one."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        exceptions = tuple(Exempt(**row) for row in table.get("exceptions", []))
        scopes = {name: tuple(folders) for name, folders in table["scopes"].items()}
        settings = Settings(table["package"], scopes, exceptions)
    except (OSError, KeyError, TypeError, AttributeError, tomllib.TOMLDecodeError) as error:
        raise SeamsError(f"{path.name} cannot be read: {error}.") from error
    if missing := [e.name for e in exceptions if not e.reason.strip()]:
        raise SeamsError(f"These exceptions of {path.name} need a reason: {', '.join(missing)}.")
    return settings


def find(root: Path, settings: Settings, *, everywhere: bool = False) -> list[Finding]:
    """Return the untyped positions in the scopes of the package, or in all of it; sorted by path and line."""
    modules = {path: _module(path, source, settings.package) for path, source in sources.python(root, settings.package)}
    aliases = untyped_names(modules.values())
    found = []
    for path, module in modules.items():
        scope = settings.scope(path) or ("other" if everywhere else None)
        if scope is not None:
            positions = Visitor(module, aliases).visit_body(module.tree.body, "")
            found += [
                Finding(path, line, kind, name, part, scope)
                for line, kind, name, part in positions
                if not settings.excepts(path, name)
            ]
    return sorted(found, key=lambda f: (f.path, f.line))


@dataclass(frozen=True)
class Visitor:
    """The untyped positions of one module, as (line, kind, qualified name, part)."""

    module: Module
    aliases: Mapping[Name, str]

    def visit_body(self, body: list[ast.stmt], owner: str) -> Iterator[tuple[int, str, str, str]]:
        """Yield the positions of a module's or a class's statements."""
        for node in body:
            match node:
                case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                    yield from self._function(node, f"{owner}{name}")
                case ast.ClassDef(name=name, body=inner):
                    if name in self.module.optional:
                        yield node.lineno, "type", f"{owner}{name}", "optional-everything TypedDict"
                    yield from self.visit_body(inner, f"{owner}{name}.")
                case ast.AnnAssign(target=target, annotation=annotation):
                    yield from self._field(node.lineno, f"{owner}{ast.unparse(target)}", annotation)
                    yield from self._casts(node, f"{owner}{ast.unparse(target)}")
                case ast.If(body=inner, orelse=other) | ast.Try(body=inner, orelse=other):
                    yield from self.visit_body([*inner, *other], owner)
                case _:
                    yield from self._casts(node, owner.rstrip(".") or "module")

    def _function(self, node: Function, name: str) -> Iterator[tuple[int, str, str, str]]:
        parts = [f"{what} has {why}" for what, kind in self._signature(node) if (why := self._why(kind))]
        if parts:
            yield node.lineno, "signature", name, "; ".join(parts)
        for inner in ast.walk(node):
            if inner is not node and isinstance(inner, Function):
                parts = [f"{what} has {why}" for what, kind in self._signature(inner) if (why := self._why(kind))]
                if parts:
                    yield inner.lineno, "signature", f"{name}.{inner.name}", "; ".join(parts)
            if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Attribute):
                yield from self._field(inner.lineno, f"{name}.{ast.unparse(inner.target)}", inner.annotation)
        yield from self._casts(node, name)

    def _signature(self, node: Function) -> Iterator[tuple[str, ast.expr]]:
        given = node.args
        many = [a for a in (given.vararg, given.kwarg) if a is not None]
        for argument in [*given.posonlyargs, *given.args, *given.kwonlyargs, *many]:
            if argument.annotation is not None:
                yield argument.arg, argument.annotation
        if node.returns is not None:
            yield "the result", node.returns

    def _field(self, line: int, name: str, annotation: ast.expr) -> Iterator[tuple[int, str, str, str]]:
        if ast.unparse(annotation).endswith("TypeAlias"):
            return
        if why := self._why(annotation):
            yield line, "field", name, why

    def _casts(self, node: ast.AST, name: str) -> Iterator[tuple[int, str, str, str]]:
        for call in ast.walk(node):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute):
                source, last = self.module.resolve(ast.unparse(call.func))
                if (source, last) in {("typing", "cast"), ("typing_extensions", "cast")}:
                    yield call.lineno, "cast", name, ast.unparse(call.args[0]) if call.args else "cast"

    def _why(self, annotation: ast.expr) -> str:
        return why_untyped(annotation, self.module, self.aliases)


def _module(path: str, source: str, package: str) -> Module:
    folder = package.rpartition("/")[0]
    dotted = path.removeprefix(f"{folder}/").removesuffix(".py").replace("/", ".")
    return parse(dotted.removesuffix(".__init__"), source, is_package=dotted.endswith(".__init__"))
