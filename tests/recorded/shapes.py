"""Answers of the sandbox against Stripe's own types: every object that an answer holds, expanded ones and rows of lists too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from sandbox.world.stripe_types import spec

# Fields that Stripe's answers have and its types do not name (FACTS_A 42, 79; the key sets of the recordings).
SHOWN = {
    "product": {"attributes"},
    "subscription": {"plan", "quantity"},
    "payment_method": {"shared_payment_granted_token"},
}


@cache
def validator(kind: str) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resource("urn:s", DRAFT202012.create_resource(spec()))
    return Draft202012Validator({"$ref": f"urn:s#/schemas/{kind}"}, registry=registry)


def objects(node: Any) -> Iterator[dict[str, Any]]:
    """Yield the objects of an answer that Stripe's types know; a deleted one is its id, an event keeps an older form."""
    if isinstance(node, list):
        for part in node:
            yield from objects(part)
    elif isinstance(node, dict) and not node.get("deleted"):
        kind = node.get("object")
        if isinstance(kind, str) and kind in spec()["schemas"]:
            yield node
        for part in node.values() if kind not in ("event", "v2.core.event") else ():
            yield from objects(part)


def misfits(answer: Any) -> list[str]:
    """Return what is missing, of a wrong type, or unknown in an answer, as sentences."""
    found = []
    for node in objects(answer):
        kind = node["object"]
        known = set(spec()["schemas"][kind]["properties"]) | SHOWN.get(kind, set())
        found += [f"{kind} has no field {name}" for name in sorted(set(node) - known)]
        for error in validator(kind).iter_errors(node):
            found.append(f"{kind}.{'.'.join(map(str, error.absolute_path))}: {error.message[:120]}")
    return found
