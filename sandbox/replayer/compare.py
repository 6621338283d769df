"""Expected values against answers: paths, references to earlier answers, and moments to the second."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

REFERENCE = re.compile(r"\{([A-Za-z_][\w.]*)(?: ([+-]) (\d+))?\}")
ABSENT = object()


class NoSuchValue(Exception):
    """A reference names a step that gave no such value."""


def at(body: Any, path: str) -> Any:
    """Return the value at ``items.data.0.id``, or ABSENT. ``data.#`` is the number of entries of ``data``."""
    for part in path.split("."):
        if part == "#" and isinstance(body, list):
            body = len(body)
        elif isinstance(body, list) and part.lstrip("-").isdigit() and -len(body) <= int(part) < len(body):
            body = body[int(part)]
        elif isinstance(body, dict) and part in body:
            body = body[part]
        else:
            return ABSENT
    return body


def filled(value: Any, known: Mapping[str, Any]) -> Any:
    """Return a value with its references replaced.

    ``{name.path}`` alone keeps the type of what it refers to, ``{name.created + 3600}`` adds seconds, and within a longer
    text the value is written out. Raises NoSuchValue.
    """
    if isinstance(value, dict):
        return {key: filled(inner, known) for key, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, known) for inner in value]
    if not isinstance(value, str):
        return value
    whole = REFERENCE.fullmatch(value)
    return referred(whole, known) if whole else REFERENCE.sub(lambda found: str(referred(found, known)), value)


def referred(found: re.Match[str], known: Mapping[str, Any]) -> Any:
    """Return what a reference refers to; a name alone is the ``id`` of its answer."""
    name, _, path = found[1].partition(".")
    if name not in known:
        raise NoSuchValue(found[0])
    value = known[name]
    if path or isinstance(value, dict):
        value = at(value, path or "id")
    if value is ABSENT or (found[2] and type(value) is not int):
        raise NoSuchValue(found[0])
    return value + int(found[2] + found[3]) if found[2] else value


def difference(path: str, expected: Any, got: Any) -> str | None:
    """Return what is wrong with the value at a path, or None. A text that begins with ~ is a pattern."""
    if got is ABSENT:
        return f"{path}: missing, expected {short(expected)}"
    if isinstance(expected, str) and expected.startswith("~"):
        fits = isinstance(got, str) and re.fullmatch(expected[1:], got)
        return None if fits else f"{path}: {short(got)} does not match {expected[1:]}"
    if isinstance(expected, bool) or isinstance(got, bool) or not isinstance(expected, int | float):
        return (
            None
            if type(expected) is type(got) and expected == got
            else f"{path}: {short(got)} instead of {short(expected)}"
        )
    return (
        None
        if isinstance(got, int | float) and got == expected
        else f"{path}: {short(got)} instead of {short(expected)}"
    )


def differences(step: Any, body: Any, known: Mapping[str, Any]) -> list[str]:
    """Return everything in which an answer is not what a step expects; ``{self.created + 3600}`` is of this answer."""
    own = {**known, "self": body}
    found = [compared(path, expected, body, own) for path, expected in step.answer.items()]
    found += [None if at(body, p) not in (ABSENT, None) else f"{p}: nothing there" for p in step.present]
    found += [f"{p}: present, and Stripe has no such key" for p in step.absent if at(body, p) is not ABSENT]
    return [text for text in found if text]


def compared(path: str, expected: Any, body: Any, known: Mapping[str, Any]) -> str | None:
    """Return what is wrong with one expected value, or None. The text ``null`` stands for it, since TOML has none."""
    try:
        target = None if expected == "null" else filled(expected, known)
    except NoSuchValue as error:
        return f"{path}: there is no {error} to compare with"
    return difference(path, target, at(body, path))


def short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else text[:157] + "..."
