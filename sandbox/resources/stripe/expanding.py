"""Expansion of answers: expanded objects as requested, and embedded lists of ten rows."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.resources.stripe.objects import DERIVED, EXPANDABLE, HIDDEN
from sandbox.world.refusal import NotModelled, StripeRefusal, invalid
from sandbox.world.state import Obj, World
from sandbox.world.stripe_types import Schema, spec
from sandbox.world.wording import resolved

EMBEDDED = 10  # rows of a list inside of an object
DEEPEST = 4  # levels of a path; "data" of a list is one


def check(answer: Schema, expand: list[str]) -> None:
    """Refuse a path that the type of an answer does not have, before anything is done."""
    is_list = "data" in resolved(answer).get("properties", {})
    for path in expand:
        if path.count(".") >= DEEPEST:
            raise invalid(
                f"You cannot expand more than {DEEPEST} levels of a property. Property: {path}",
                code="property_expansion_max_depth",
            )
        schemas = [answer]
        for part in path.split("."):
            objects = [found for schema in schemas for found in objects_of(schema)]
            known = [found["properties"][part] for found in objects if part in found["properties"]]
            if objects and not any(is_expandable(schema) for schema in known):
                raise unexpandable(part, is_list=is_list and not path.startswith("data."))
            schemas = known


def objects_of(schema: Schema) -> list[Schema]:
    """Return the objects with named fields that a type allows, those of its lists included."""
    schema = resolved(schema)
    inner = [*schema.get("anyOf", ()), *([schema["items"]] if "items" in schema else [])]
    if inner:
        return [found for option in inner for found in objects_of(option)]
    return [schema] if schema.get("properties") else []


def is_expandable(schema: Schema) -> bool:
    """Return whether a field holds an object, or its id in place of it."""
    schema = resolved(schema)
    options = schema.get("anyOf", [schema])
    return any(resolved(option).get("type") in ("object", "array", None) for option in options)


def unexpandable(part: str, *, is_list: bool = False) -> StripeRefusal:
    """Return the refusal of a property that is not there or no object (reported: stripe-python 316, gitpod 13035)."""
    hint = f" You may want to try expanding 'data.{part}' instead." if is_list else ""
    return invalid(f"This property cannot be expanded ({part}).{hint}")


def unknown(node: Obj, part: str, whole: str) -> Exception:
    """Return the refusal of a property that Stripe does not have, 501 for one that this sandbox does not model."""
    known = spec()["schemas"].get(str(node.get("object")), {}).get("properties", {})
    return NotModelled(f"expand {whole}") if is_expandable(known.get(part, {"type": "string"})) else unexpandable(part)


def shown(world: World, answer: Obj, expand: list[str]) -> Obj:
    """Return a copy of the answer with requested expansions, and without fields that need one."""
    result = copy.deepcopy(answer)
    for path in expand:
        expand_path(world, result, path.split("."), path)
    hide(result, kept={part for path in expand for part in path.split(".")})
    for part in result.values():
        for row in part if result.get("object") == "list" and isinstance(part, list) else [part]:
            shorten(row)
    return result


def shorten(node: Any) -> None:
    """Cut every list inside of an object to its first ten rows (SB 10.3)."""
    if isinstance(node, list):
        for part in node:
            shorten(part)
    elif isinstance(node, dict):
        if node.get("object") == "list" and isinstance(node.get("data"), list):
            node["has_more"] = bool(node.get("has_more")) or len(node["data"]) > EMBEDDED
            del node["data"][EMBEDDED:]
        for part in node.values():
            shorten(part)


def expand_path(world: World, node: Any, parts: list[str], whole: str) -> None:
    if isinstance(node, list):
        for part in node:
            expand_path(world, part, parts, whole)
        return
    if not isinstance(node, dict) or node.get("deleted"):  # a stub has nothing to expand (FACTS_A 75)
        return
    head, *rest = parts
    if derive := DERIVED.get((str(node.get("object")), head)):
        node[head] = derive(world, node)
    value = node.get(head)
    if isinstance(value, list) and value and isinstance(value[0], str):
        value = node[head] = [found(world, EXPANDABLE[head], id) for id in value]
    elif isinstance(value, str):
        if head not in EXPANDABLE:
            raise unknown(node, head, whole)
        value = node[head] = found(world, EXPANDABLE[head], value)
    elif head not in node and head not in {h for hidden in HIDDEN.values() for h in hidden}:
        raise unknown(node, head, whole)
    if rest:
        expand_path(world, value, rest, whole)


def found(world: World, collection: str, id: str) -> Obj:
    """Return a copy of an object; of a deleted one its id alone, such as a discount's deleted coupon (SB 9.4)."""
    if id not in world.stripe[collection] and id in world.graves:
        return {"id": id, "object": collection.removesuffix("s"), "deleted": True}
    return copy.deepcopy(world.stripe[collection][id])


def hide(node: Any, *, kept: set[str]) -> None:
    if isinstance(node, list):
        for part in node:
            hide(part, kept=kept)
    elif isinstance(node, dict):
        for name in HIDDEN.get(str(node.get("object")), ()):
            if name not in kept:
                node.pop(name, None)
        if node.get("deleted") is True:  # all that is left of it is its id (FACTS_B 112)
            node.pop("created", None)
        for value in node.values():
            hide(value, kept=kept)
