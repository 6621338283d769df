"""Names that stand for an untyped type: aliases, recursive JSON types, TypedDicts of which every key is optional."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

UNTYPED = frozenset({"Any", "object", "Incomplete"})
GENERIC = frozenset(
    [
        "dict",
        "Dict",
        "Mapping",
        "MutableMapping",
        "OrderedDict",
        "defaultdict",
        "Counter",
        "MappingProxyType",
        "ChainMap",
        "list",
        "List",
        "tuple",
        "Tuple",
        "set",
        "Set",
        "frozenset",
        "FrozenSet",
        "Sequence",
        "MutableSequence",
        "Iterable",
        "Iterator",
        "Collection",
        "Callable",
    ]
)
MODULES = frozenset({"typing", "typing_extensions", "collections", "collections.abc", "builtins", "types", "_typeshed"})
Name = tuple[str, str]


@dataclass(frozen=True)
class Module:
    """A parsed module: its dotted name, the names it imports and the types that it defines by assignment."""

    name: str
    tree: ast.Module
    imports: Mapping[str, Name]
    defined: Mapping[str, ast.expr]
    optional: frozenset[str]
    local: frozenset[str] = field(default_factory=frozenset)

    def resolve(self, name: str) -> Name:
        """Return (module, name) of a name as this module writes it, dots included."""
        head, _, rest = name.partition(".")
        module, imported = self.imports.get(head, (self.name, head))
        if rest:
            return (f"{module}.{imported}".strip("."), rest)
        return module, imported


def parse(name: str, source: str, *, is_package: bool = False) -> Module:
    """Parse a module; ``name`` is dotted."""
    tree = ast.parse(source)
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    return Module(
        name,
        tree,
        dict(_imports(tree, name if is_package else name.rpartition(".")[0])),
        dict(_definitions(tree)),
        frozenset(node.name for node in classes if is_all_optional(node)),
        frozenset(node.name for node in classes),
    )


def untyped_names(modules: Iterable[Module]) -> dict[Name, str]:
    """Return (module, name) of each alias that stands for an untyped type, with the reason."""
    known = list(modules)
    found: dict[Name, str] = {(m.name, name): "optional-everything TypedDict" for m in known for name in m.optional}
    found |= dict.fromkeys(_recursive(known), "recursive type")
    while True:
        new = {
            (m.name, name): f"alias of {reason}"
            for m in known
            for name, value in m.defined.items()
            if (m.name, name) not in found and (reason := why_untyped(value, m, found))
        }
        new |= {
            (m.name, local): found[target]
            for m in known
            for local, target in m.imports.items()
            if target in found and (m.name, local) not in found
        }
        if not new:
            return found
        found |= new


def why_untyped(annotation: ast.expr, module: Module, aliases: Mapping[Name, str]) -> str:
    """Return the part of an annotation that is untyped; empty where all of it is typed."""
    for name, is_bare in used_names(annotation):
        if reason := aliases.get(module.resolve(name)):
            return f"{name} ({reason})"
        source, last = module.resolve(name)
        own = last in module.defined or last in module.local
        if (source in MODULES or source == module.name) and not own:
            if last in UNTYPED:
                return last
            if last in GENERIC and is_bare:
                return f"bare {last}"
    return ""


def used_names(node: ast.AST) -> Iterator[tuple[str, bool]]:
    """Yield (dotted name, whether it has no parameters) of each type in an annotation, texts included."""
    match node:
        case ast.Constant(value=str(text)):
            try:
                yield from used_names(ast.parse(text, mode="eval").body)
            except SyntaxError:
                return
        case ast.Subscript(value=value, slice=inner):
            yield from ((name, False) for name, _ in used_names(value))
            if not _is_literal(value):
                yield from used_names(inner)
        case ast.Name(id=name):
            yield name, True
        case ast.Attribute():
            yield ast.unparse(node), True
        case ast.Call(args=[_, base]):  # NewType("X", base)
            yield from used_names(base)
        case _:
            for child in ast.iter_child_nodes(node):
                yield from used_names(child)


def is_all_optional(node: ast.ClassDef) -> bool:
    """Return True for a TypedDict with keys of which none has to be there."""
    if not any(ast.unparse(base).rpartition(".")[2] == "TypedDict" for base in node.bases):
        return False
    total = not any(k.arg == "total" and isinstance(k.value, ast.Constant) and not k.value.value for k in node.keywords)
    fields = [ast.unparse(row.annotation) for row in node.body if isinstance(row, ast.AnnAssign)]
    required = [f for f in fields if "Required[" in f.replace("NotRequired[", "")]
    optional = [f for f in fields if "NotRequired[" in f]
    return bool(fields) and (len(optional) == len(fields) if total else not required)


def _imports(tree: ast.Module, package: str) -> Iterator[tuple[str, Name]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            module = ".".join([*above, *([node.module] if node.module else [])]) if node.level else node.module or ""
            yield from ((a.asname or a.name, (module, a.name)) for a in node.names)
        elif isinstance(node, ast.Import):
            for a in node.names:
                head, _, last = a.name.rpartition(".")
                yield (
                    (a.asname, (head, last)) if a.asname else (a.name.partition(".")[0], ("", a.name.partition(".")[0]))
                )


def _definitions(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yield the names of a module that are assigned a type: ``X = dict[str, Any]``, ``type X = ...``, ``NewType``."""
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Subscript() | ast.BinOp() | ast.Name() as value):
                yield name, value
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=ast.Name(id="NewType")) as call):
                yield name, call
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=ast.expr() as value):
                if ast.unparse(kind).endswith("TypeAlias"):
                    yield name, value
            case _:
                if type(node).__name__ == "TypeAlias":  # from Python 3.12 on
                    yield node.name.id, node.value  # type: ignore[attr-defined]


def _recursive(modules: Iterable[Module]) -> set[Name]:
    """Return the aliases that reach themselves."""
    edges = {
        (m.name, name): {m.resolve(used) for used, _ in used_names(value)}
        for m in modules
        for name, value in m.defined.items()
    }
    return {name for name in edges if name in _reached(edges, name)}


def _reached(edges: Mapping[Name, set[Name]], start: Name) -> set[Name]:
    seen: set[Name] = set()
    waiting = list(edges[start])
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            waiting.extend(edges.get(name, ()))
    return seen


def _is_literal(node: ast.expr) -> bool:
    return ast.unparse(node).rpartition(".")[2] == "Literal"
