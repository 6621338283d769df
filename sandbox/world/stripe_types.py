"""Stripe's own types as JSON Schema, derived from the source of the installed ``stripe`` package.

The package is generated from Stripe's OpenAPI document, so its annotations are the specification of exactly the pinned
API version. They are read with ``ast``, never imported. Deriving takes seconds, so the result is kept in a file
that is named by the package's version and by this module's content.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import re
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

Schema = dict[str, Any]
Scope = list[ast.ClassDef]

PREFIXES = (
    "v1/account", "v1/products", "v1/prices", "v1/coupons", "v1/customers", "v1/payment_methods", "v1/events",
    "v1/subscriptions", "v1/subscription_items", "v1/subscription_schedules", "v1/invoices", "v1/invoiceitems",
    "v1/billing/", "v2/core/events", "v1/checkout/", "v1/tax/", "v1/credit_notes", "v1/tax_rates",
    "v1/promotion_codes", "v1/setup_intents", "v1/refunds", "v1/payment_intents", "v1/charges", "v1/invoice_payments",
    "v1/test_helpers/test_clocks", "v1/billing_portal/",
)  # fmt: skip
# Forms of parameters that API versions before the pinned one take: those that were recorded (FACTS_B 77, 79).
OLDER_FORMS: dict[str, dict[str, Schema]] = {
    "params.subscription_update_params.SubscriptionUpdateParams": {
        "billing_cycle_anchor": {"type": "string", "enum": ["now", "unchanged"]},
    },
}
PRIMITIVES: dict[str, Schema] = {
    "str": {"type": "string"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "bool": {"type": "boolean"},
    "Decimal": {"type": "string", "format": "decimal"},
    "bytes": {"type": "string"},
    "StripeObject": {"type": "object"},
    "UntypedStripeObject": {"type": "object"},
    "Any": {},
    "object": {},
    "IO": {},
}


@cache
def spec() -> Schema:
    """``{"version", "operations": {path: {verb: {"params": schema, "answer": schema}}}, "schemas": {...}}``.

    ``elsewhere`` has the verbs of all other paths: what Stripe has and nothing here is about.
    """
    source = Path(__file__).read_bytes()
    version = api_version()
    digest = hashlib.sha256(source + version.encode() + str(package_root()).encode()).hexdigest()[:16]
    kept = Path(tempfile.gettempdir()) / f"stripe-types-{os.getuid()}-{digest}.json"
    if kept.is_file() and kept.stat().st_uid == os.getuid():
        loaded: Schema = json.loads(kept.read_text(encoding="utf-8"))
        return loaded
    derived = Deriver(package_root()).document(version)
    part = kept.with_suffix(f".{os.getpid()}")
    part.write_text(json.dumps(derived), encoding="utf-8")
    part.replace(kept)
    return derived


@cache
def package_root() -> Path:
    """Return the folder of the installed ``stripe`` package, found without importing it."""
    found = importlib.util.find_spec("stripe")
    if found is None or found.origin is None:
        raise RuntimeError("the package stripe is not installed; run make")
    return Path(found.origin).parent


def api_version() -> str:
    """Return the API version that the installed package pins, such as ``2026-10-28.endive``."""
    found = re.search(r'CURRENT = "([^"]+)"', (package_root() / "_api_version.py").read_text(encoding="utf-8"))
    if found is None:
        raise RuntimeError("the installed stripe package does not say its API version")
    return found.group(1)


class Source:
    """One module of the package: its classes, what it imports, its aliases."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.classes: dict[str, ast.ClassDef] = {}
        self.imports: dict[str, tuple[str, str]] = {}
        self.aliases: dict[str, ast.expr] = {}
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("stripe"):
                self.imports |= {a.asname or a.name: (node.module, a.name) for a in node.names}
        for statement in tree.body:
            if isinstance(statement, ast.ClassDef):
                self.classes[statement.name] = statement
            elif isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                self.aliases[statement.targets[0].id] = statement.value


class Deriver:
    """Turns annotations into JSON Schema, one class at a time."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.sources: dict[str, Source | None] = {}
        self.schemas: dict[str, Schema] = {}
        self.elsewhere: dict[str, list[str]] = {}

    def document(self, version: str) -> Schema:
        """Return the whole specification of the operations under PREFIXES."""
        operations: dict[str, Schema] = {}
        for path in sorted(self.root.rglob("_*_service.py")):
            source = self.source("stripe." + ".".join(path.relative_to(self.root).with_suffix("").parts))
            for service in source.classes.values() if source else ():
                for function in service.body:
                    if isinstance(function, ast.FunctionDef):
                        self.operation(function, source, operations)
        for name, older in OLDER_FORMS.items():
            for field, schema in older.items():
                properties = self.schemas[name]["properties"]
                properties[field] = {"anyOf": [properties[field], schema]}
        return {"version": version, "operations": operations, "schemas": self.schemas, "elsewhere": self.elsewhere}

    def operation(self, function: ast.FunctionDef, source: Source | None, operations: dict[str, Schema]) -> None:
        """Add the operation that a service's method calls, if the sandbox models it."""
        calls = (c for c in ast.walk(function) if isinstance(c, ast.Call) and isinstance(c.func, ast.Attribute))
        call = next((c for c in calls if getattr(c.func, "attr", "") == "_request"), None)
        if call is None or source is None:
            return
        raw = call.args[1]
        template = raw.func.value if isinstance(raw, ast.Call) and isinstance(raw.func, ast.Attribute) else raw
        url = ast.literal_eval(template)
        if not url.lstrip("/").startswith(PREFIXES):
            self.elsewhere.setdefault(url, []).append(ast.literal_eval(call.args[0]))
            return
        annotation = next((a.annotation for a in function.args.args if a.arg == "params"), None)
        params = self.convert(annotation, source, [], request=True)[0] if annotation is not None else {"type": "object"}
        answer = self.convert(function.returns, source, [], request=False)[0] if function.returns is not None else {}
        operations.setdefault(url, {})[ast.literal_eval(call.args[0])] = {"params": params, "answer": answer}

    def source(self, dotted: str) -> Source | None:
        if dotted not in self.sources:
            path = self.root.joinpath(*dotted.split(".")[1:])
            path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            self.sources[dotted] = Source(path) if path.exists() else None
        return self.sources[dotted]

    def convert(self, node: ast.expr, source: Source, scope: Scope, *, request: bool) -> tuple[Schema, bool]:
        """(schema, whether null is allowed) of an annotation."""
        if isinstance(node, ast.Constant):
            if node.value is None:
                return {}, True
            return self.convert(ast.parse(str(node.value), mode="eval").body, source, scope, request=request)
        if isinstance(node, ast.BinOp):
            return self.union(flatten(node), source, scope, request=request)
        if isinstance(node, ast.Subscript):
            return self.generic(node, source, scope, request=request)
        name = ast.unparse(node)
        if name in PRIMITIVES:
            return dict(PRIMITIVES[name]), False
        return self.reference(name, source, scope, request=request), False

    def generic(self, node: ast.Subscript, source: Source, scope: Scope, *, request: bool) -> tuple[Schema, bool]:
        base = node.value.id if isinstance(node.value, ast.Name) else ast.unparse(node.value).rsplit(".", 1)[-1]
        args = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]

        def one(arg: ast.expr) -> Schema:
            schema, null = self.convert(arg, source, scope, request=request)
            return nullable(schema) if null else schema

        if base in ("NotRequired", "ClassVar"):
            return self.convert(args[0], source, scope, request=request)
        if base == "Optional":
            return self.convert(args[0], source, scope, request=request)[0], True
        if base == "Union":
            return self.union(args, source, scope, request=request)
        if base == "Literal":
            values = [ast.literal_eval(a) for a in args]
            kind = {bool: "boolean", int: "integer"}.get(type(values[0]), "string")
            return {"type": kind, "enum": values}, False
        if base in ("List", "list"):
            return {"type": "array", "items": one(args[0])}, False
        if base in ("Dict", "dict"):
            return {"type": "object", "additionalProperties": one(args[1])}, False
        if base == "UntypedStripeObject":
            return {"type": "object", "additionalProperties": one(args[0])}, False
        if base == "ExpandableField":
            return {"anyOf": [{"type": "string"}, {"type": "object", "required": ["id", "object"]}]}, False
        if base in ("ListObject", "SearchResultObject"):
            kind = "list" if base == "ListObject" else "search_result"
            properties = {
                "object": {"type": "string", "enum": [kind]},
                "data": {"type": "array", "items": one(args[0])},
                "has_more": {"type": "boolean"},
                "url": {"type": "string"},
            }
            return {"type": "object", "required": list(properties), "properties": properties}, False
        raise ValueError(f"an annotation that this module does not know: {ast.unparse(node)}")

    def union(self, nodes: list[ast.expr], source: Source, scope: Scope, *, request: bool) -> tuple[Schema, bool]:
        options: list[Schema] = []
        null = False
        for node in nodes:
            schema, may_be_null = self.convert(node, source, scope, request=request)
            null |= may_be_null
            if schema and schema not in options:
                options.append(schema)
        if any(o.get("enum", [""]) != [""] for o in options if "enum" in o):
            # The package widens every enum with `str`; Stripe's document does not.
            options = [o for o in options if o != {"type": "string"}]
        return (options[0] if len(options) == 1 else {"anyOf": options} if options else {}), null

    def reference(self, name: str, source: Source, scope: Scope, *, request: bool) -> Schema:
        found = self.resolve(name, source, scope)
        if found is None:
            alias = source.aliases.get(name)
            if alias is None:
                return {}
            schema, null = self.convert(alias, source, scope, request=request)
            return nullable(schema) if null else schema
        cls, where, path = found
        own_name = object_name(cls)
        key = (
            own_name
            if own_name and len(path) == 1
            else f"{where.path.parent.name}.{where.path.stem.lstrip('_')}.{'.'.join(c.name for c in path)}"
        )
        if key not in self.schemas:
            self.schemas[key] = {}
            self.schemas[key] = self.class_schema(cls, where, path, request=request)
        return {"$ref": f"#/schemas/{key}"}

    def resolve(self, name: str, source: Source, scope: Scope) -> tuple[ast.ClassDef, Source, Scope] | None:
        head, *rest = name.split(".")
        path: Scope | None = None
        for depth in range(len(scope), -1, -1):  # innermost scope first
            owner = scope[:depth]
            inner = {n.name: n for n in owner[-1].body if isinstance(n, ast.ClassDef)} if owner else source.classes
            if head in inner:
                path = [*owner, inner[head]]
                break
        if path is None:
            if head not in source.imports:
                return None
            module, original = source.imports[head]
            imported = self.source(module)
            if imported is None or original not in imported.classes:
                return None
            source, path = imported, [imported.classes[original]]
        for part in rest:
            path = [*path, next(c for c in path[-1].body if isinstance(c, ast.ClassDef) and c.name == part)]
        return path[-1], source, path

    def class_schema(self, cls: ast.ClassDef, source: Source, path: Scope, *, request: bool) -> Schema:
        properties, required = self.inherited(cls, source, path, request=request)
        renamed = {}
        for statement in cls.body:
            if isinstance(statement, ast.Assign) and getattr(statement.targets[0], "id", "") == "_field_remappings":
                renamed = ast.literal_eval(statement.value)
        for statement in cls.body:
            if not (isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)):
                continue
            field = statement.target.id
            if field.startswith("_") or field == "OBJECT_NAME":
                continue
            schema, null = self.convert(statement.annotation, source, path, request=request)
            field = renamed.get(field, field)
            properties[field] = nullable(schema) if null and not request else schema
            optional = is_not_required(statement.annotation) if request else null or field == "deleted"
            if not optional:
                required.append(field)
        schema = {"type": "object", "properties": properties, "required": sorted(set(required))}
        if request:
            schema["additionalProperties"] = False
        elif (own := object_name(cls)) and len(path) == 1:
            properties["object"] = {"type": "string", "enum": [own]}
        return schema

    def inherited(
        self, cls: ast.ClassDef, source: Source, path: Scope, *, request: bool
    ) -> tuple[dict[str, Schema], list[str]]:
        properties: dict[str, Schema] = {}
        required: list[str] = []
        for base in cls.bases:
            name = base.id if isinstance(base, ast.Name) else ""
            alias = source.aliases.get(name)
            if isinstance(alias, ast.Call):  # TypedDict("X", {"from": ...}): the form for reserved words
                fields = alias.args[1]
                assert isinstance(fields, ast.Dict)
                for key, value in zip(fields.keys, fields.values, strict=True):
                    assert key is not None
                    properties[ast.literal_eval(key)] = self.convert(value, source, path, request=request)[0]
                    if not is_not_required(value):
                        required.append(ast.literal_eval(key))
            elif name in source.classes and name != "TypedDict":
                parent = source.classes[name]
                schema = self.class_schema(parent, source, [parent], request=request)
                properties |= schema["properties"]
                required += schema["required"]
        return properties, required


def flatten(node: ast.expr) -> list[ast.expr]:
    """Return the members of ``a | b | c``."""
    return [*flatten(node.left), *flatten(node.right)] if isinstance(node, ast.BinOp) else [node]


def is_not_required(node: ast.expr) -> bool:
    return isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "NotRequired"


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]} if schema else schema


def object_name(cls: ast.ClassDef) -> str | None:
    """Return the value of "object" for this class, such as ``subscription_item``."""
    for statement in cls.body:
        if isinstance(statement, ast.AnnAssign) and getattr(statement.target, "id", "") == "OBJECT_NAME":
            return str(ast.literal_eval(statement.value)) if statement.value is not None else None
    return None
