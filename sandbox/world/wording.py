"""The words in which Stripe refuses a parameter that its types do not allow."""

from __future__ import annotations

import json
from typing import Any

from jsonschema.exceptions import ValidationError

from sandbox.world.refusal import StripeRefusal, absent, blank, invalid
from sandbox.world.stripe_types import Schema, spec

# The order in which Stripe names the values of a parameter, where it was recorded (FACTS_A 64, FACTS_B 50) or is documented.
SPOKEN_ORDERS = (
    ("allow_incomplete", "error_if_incomplete", "pending_if_incomplete", "default_incomplete"),
    (
        "active",
        "past_due",
        "unpaid",
        "canceled",
        "incomplete",
        "incomplete_expired",
        "trialing",
        "paused",
        "all",
        "ended",
    ),
    ("draft", "open", "void", "paid", "uncollectible"),
    ("include", "exclude"),
    ("none", "exempt", "reverse"),
    ("create_prorations", "none", "always_invoice"),
    ("keep_as_draft", "mark_uncollectible", "void"),
)


def refusal(problem: ValidationError) -> StripeRefusal:
    """Return the refusal of a schema violation."""
    choice = problem if problem.validator == "anyOf" else problem.parent
    if isinstance(choice, ValidationError) and (inner := missing_inside(choice)):
        return absent(inner)
    if isinstance(choice, ValidationError) and is_choice(choice, problem):
        several: Any = choice.schema
        return refused(choice.instance, [resolved(option) for option in several["anyOf"]], path_of(choice))
    schema: Any = problem.schema
    given: Any = problem.instance
    if problem.validator == "additionalProperties":
        unknown = next(name for name in given if name not in schema.get("properties", {}))
        full = bracketed([*path_of(problem), unknown])
        return invalid(f"Received unknown parameter: {full}", param=full, code="parameter_unknown")
    if problem.validator == "required":
        name = next(name for name in schema["required"] if name not in given)
        return absent(bracketed([*path_of(problem), name]))
    return refused(given, [schema], path_of(problem))


def is_choice(choice: ValidationError, problem: ValidationError) -> bool:
    """Return whether a value fits none of several types, and not that a part of it is wrong."""
    whole = choice.validator == "anyOf" and path_of(choice) == path_of(problem)
    return whole and problem.validator in ("anyOf", "enum", "type")


def missing_inside(choice: ValidationError) -> str | None:
    """Return the parameter that an object lacks where an object, or an empty text instead, is taken; else None."""
    several: Any = choice.schema
    objects = [s for s in map(resolved, several.get("anyOf", ())) if s.get("type") == "object"]
    if (
        not isinstance(choice.instance, dict)
        or len(objects) != 1
        or set(choice.instance) - set(objects[0].get("properties", ()))
    ):
        return None
    absent_one = next((name for name in objects[0].get("required", ()) if name not in choice.instance), None)
    return bracketed([*path_of(choice), absent_one]) if absent_one else None


def refused(given: Any, options: list[Schema], path: list[str]) -> StripeRefusal:
    """Return the refusal of a value that is of none of these types (FACTS_A 64, 70, 92)."""
    name = bracketed(path)
    if given == "" and path:
        return blank(name)
    types = {option.get("type") for option in options}
    if isinstance(given, str) and "integer" in types:
        return invalid(f"Invalid integer: {given}", param=name, code="parameter_invalid_integer")
    values = [value for option in options for value in option.get("enum", ()) if value != ""]
    if isinstance(given, str) and values:
        return invalid(f"Invalid {name}: must be one of {spoken(values)}", param=name)
    for type in ("boolean", "number"):
        if isinstance(given, str) and type in types:
            return invalid(f"Invalid {'decimal' if type == 'number' else type}: {given}", param=name)
    for type in ("object", "array"):
        if type in types and not ("string" in types and isinstance(given, dict | list)):
            return invalid(f"Invalid {type}", param=name)
    return invalid(f"Invalid string: {inspected(given)}", param=name or None)


def resolved(schema: Schema) -> Schema:
    """Return the schema behind a reference."""
    while "$ref" in schema:
        schema = spec()["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    return schema


def path_of(problem: ValidationError) -> list[str]:
    return [str(part) for part in problem.absolute_path]


def spoken(values: list[Any]) -> str:
    """Return the values of a parameter as Stripe lists them: ``a, b, or c``."""
    names = [str(value) for value in values]
    names = next((list(order) for order in SPOKEN_ORDERS if set(order) == set(names)), names)
    if len(names) < 3:
        return " or ".join(names)
    return ", ".join(names[:-1]) + f", or {names[-1]}"


def inspected(value: Any) -> str:
    """Return a value as Stripe's messages print it: ``{"a"=>"b"}``."""
    if isinstance(value, dict) and value and all(key.isdigit() for key in value):
        value = [value[key] for key in sorted(value, key=int)]
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)}=>{inspected(part)}" for key, part in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(inspected(part) for part in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def bracketed(path: list[str]) -> str:
    return path[0] + "".join(f"[{part}]" for part in path[1:]) if path else ""
