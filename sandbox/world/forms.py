"""Form bodies and query strings as Stripe reads them, checked against Stripe's own types."""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from sandbox.world.refusal import StripeRefusal, invalid
from sandbox.world.state import Obj
from sandbox.world.stripe_types import Schema, spec
from sandbox.world.wording import refusal, resolved

BASE = "urn:stripe"
MOST_KEYS, KEY_LENGTH, VALUE_LENGTH = 50, 40, 500  # of metadata
# Stripe's types say nothing about lengths; these come from its published document (reference, 2.14).
LENGTHS = {
    ("product", "name"): 5000, ("product", "unit_label"): 12, ("product", "statement_descriptor"): 22,
    ("price", "lookup_key"): 200, ("price", "nickname"): 5000, ("coupon", "name"): 40,
    ("customer", "name"): 256, ("customer", "email"): 512, ("customer", "phone"): 20,
    ("subscription", "description"): 500, ("invoice", "description"): 1500,
}  # fmt: skip


@cache
def schema_registry() -> Registry[Any]:
    resource: Resource[Any] = DRAFT202012.create_resource(spec())
    empty: Registry[Any] = Registry()
    filled: Registry[Any] = empty.with_resource(BASE, resource)
    return filled


@cache
def validator(reference: str) -> Draft202012Validator:
    """Return a validator of one named schema."""
    return Draft202012Validator({"$ref": f"{BASE}{reference}"}, registry=schema_registry())


def nest(text: str) -> Obj:
    """``a[b][0][c]=v`` as nested objects; ``a[]=v`` appends, and ``a[][b]=v`` where the last entry has its ``b``."""
    root: Obj = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        keys = [name.split("[", 1)[0], *re.findall(r"\[([^\]]*)\]", name)]
        current = root
        for position, key in enumerate(keys):
            key = entry(current, keys[position + 1 :]) if key == "" else key
            if position == len(keys) - 1:
                current[key] = value
            else:
                current = current.setdefault(key, {})
                if not isinstance(current, dict):
                    raise invalid(f"Invalid {keys[0]}: it is given both as a value and as an object", param=keys[0])
    return root


def entry(current: Obj, rest: list[str]) -> str:
    """Return the index of the entry that empty brackets mean."""
    last = current.get(str(len(current) - 1))
    goes_on = isinstance(last, dict) and rest and rest[0] not in last
    return str(len(current) - 1 if goes_on else len(current))


def retype(value: Any, schema: Schema) -> Any:
    """Form values are strings: give them the type that the schema names, and leave the rest to the validator."""
    schema = resolved(schema)
    for option in schema.get("anyOf", ()):
        typed = retype(value, option)
        if fits(typed, option):
            return typed
    kind = schema.get("type")
    if isinstance(value, str):
        if kind == "integer" and re.fullmatch(r"-?\d+", value):
            return int(value)
        if kind == "number" and re.fullmatch(r"-?\d+(\.\d+)?", value):
            return float(value)
        if kind == "boolean" and value in ("true", "false"):
            return value == "true"
    if isinstance(value, dict) and kind == "object":
        properties, extra = schema.get("properties", {}), schema.get("additionalProperties")
        fallback = extra if isinstance(extra, dict) else {}
        return {key: retype(inner, properties.get(key, fallback)) for key, inner in value.items()}
    if isinstance(value, dict) and kind == "array" and value and all(key.isdigit() for key in value):
        return [retype(value[key], schema.get("items", {})) for key in sorted(value, key=int)]
    return value


def fits(value: Any, schema: Schema) -> bool:
    rooted = {"$ref": BASE + schema["$ref"]} if "$ref" in schema else absolute(schema)
    return Draft202012Validator(rooted, registry=schema_registry()).is_valid(value)


def absolute(schema: Any) -> Any:
    """References of a schema that is taken out of the document, made absolute."""
    if isinstance(schema, dict):
        return {k: BASE + v if k == "$ref" else absolute(v) for k, v in schema.items()}
    return [absolute(v) for v in schema] if isinstance(schema, list) else schema


def read(text: str, schema: Schema, *, kind: str) -> Obj:
    """Return the parameters of a request, typed. Raises StripeRefusal as Stripe would answer."""
    nested = nest(text)
    if "$ref" not in schema:
        schema = {"type": "object", "properties": {}, "additionalProperties": False}
        checker = Draft202012Validator(schema)
    else:
        checker = validator(schema["$ref"])
    params: Obj = retype(nested, schema)
    problem = best_match(checker.iter_errors(params))
    if problem is not None:
        raise refusal(problem)
    check_lengths(params, kind)
    check_metadata(params)
    return params


def check_lengths(params: Obj, kind: str) -> None:
    for (owner, field), limit in LENGTHS.items():
        value = params.get(field)
        if owner == kind and isinstance(value, str) and len(value) > limit:
            raise too_long(field, value, limit)


URL = r"https?://[^\s/?#]+\S*"


def check_url(url: str | None, param: str) -> None:
    """Refuse an address that is none, in Stripe's words (documented: error code ``url_invalid``)."""
    if url and not re.fullmatch(URL, url):
        raise invalid("Not a valid URL", param=param, code="url_invalid")


OWN_ID = r"[a-zA-Z0-9_\-]+"
LONGEST_ID = 5000


def mismatch(param: str, pattern: str, value: str) -> StripeRefusal:
    """Return the refusal of a text that does not have the form that it must have (FACTS_A 94, SB 9.1)."""
    return invalid(
        f"This value must match the regex pattern. (/\\A{pattern}\\z/ does not match for the value {value}).",
        param=param,
    )


def check_own_id(id: str) -> str:
    """Return an id that the caller chose: letters, digits, - and _, at most 5000 characters (SB 9.1)."""
    if len(id) > LONGEST_ID:
        raise too_long("id", id, LONGEST_ID)
    if not re.fullmatch(OWN_ID, id):
        raise mismatch("id", OWN_ID, id)
    return id


def too_long(param: str, value: str, limit: int) -> StripeRefusal:
    """Return the refusal of a text of too many characters."""
    return invalid(
        f"Invalid string: {value[:10]}...; must be at most {limit} characters",
        param=param,
        code="parameter_invalid_string_too_long",
    )


def check_metadata(given: Any) -> None:
    """Refuse metadata, wherever a request gives it, of too many keys or of keys or values that are too long."""
    if isinstance(given, list):
        for part in given:
            check_metadata(part)
    elif isinstance(given, dict):
        for name, part in given.items():
            if name == "metadata" and isinstance(part, dict):
                check_pairs(part)
            else:
                check_metadata(part)


def check_pairs(metadata: Obj) -> None:
    """Refuse more than 50 keys, keys of more than 40 characters or with brackets, values of more than 500."""
    check_number(metadata)
    for key, value in metadata.items():
        if len(key) > KEY_LENGTH:
            raise invalid(
                f"Metadata keys can have up to {KEY_LENGTH} characters, but you passed in a key that is {len(key)} "
                f"characters. Invalid key: {key}",
                param="metadata",
            )
        if "[" in key or "]" in key:
            raise invalid(f"Metadata keys can't have square brackets. Invalid key: {key}", param="metadata")
        if len(str(value)) > VALUE_LENGTH:
            raise invalid(
                f"Metadata values can have up to {VALUE_LENGTH} characters, but you passed in a value that is "
                f"{len(str(value))} characters. Invalid value: {value}",
                param="metadata",
            )


def check_number(metadata: Obj) -> None:
    if len(metadata) > MOST_KEYS:
        raise invalid(f"Metadata can have up to {MOST_KEYS} keys, but you passed in {len(metadata)}.", param="metadata")


def merge_metadata(current: Obj, given: Any) -> Obj:
    """Stripe's rule: given keys are set, an empty string unsets a key, an empty metadata unsets all."""
    if given is None:
        return current
    if given == "":
        return {}
    merged = {k: v for k, v in (current | given).items() if v != ""}
    check_number(merged)
    return merged
