"""Scenario files: TOML or JSON documents of steps, read and checked before anything is sent.

``sandbox/README.md`` describes the format.
"""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Value = Any  # what JSON can hold
STEP_KEYS = {
    "send",
    "with",
    "name",
    "status",
    "answer",
    "present",
    "absent",
    "fact",
    "facts",
    "advance",
    "key",
    "version",
}
FILE_KEYS = {"title", "step", "unknowns", "only", "clock"}
# The types of what a key holds, with the word for people.
TEXT, NUMBER, OBJECT, TEXTS = (str, "a text"), (int, "a whole number"), (dict, "an object"), (list, "a list of texts")
KINDS: dict[str, tuple[type, str]] = {
    "title": TEXT, "only": TEXT, "clock": TEXT, "unknowns": OBJECT,
    "send": TEXT, "name": TEXT, "fact": TEXT, "key": TEXT, "version": TEXT, "with": OBJECT, "answer": OBJECT,
    "status": NUMBER, "advance": NUMBER, "present": TEXTS, "absent": TEXTS, "facts": TEXTS,
}  # fmt: skip
FACT = re.compile(r"(FACTS_[AB] \d+|SB \d+\.\d+|documented: .+|assumed: .+)")


class BadScenario(Exception):
    """A scenario file cannot be used; the message is one sentence that names the file, the step and the rule."""


@dataclass(frozen=True)
class Step:
    """One request and what its answer has to show, or a step of time (``advance`` seconds, no request)."""

    number: int
    method: str
    path: str
    params: dict[str, Value]
    name: str | None
    status: int
    answer: dict[str, Value]
    present: tuple[str, ...]
    absent: tuple[str, ...]
    facts: tuple[str, ...]
    advance: int
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"step {self.number}: " + (f"{self.method} {self.path}" if self.method else f"advance {self.advance} s")


@dataclass(frozen=True)
class Scenario:
    """A file of steps. ``unknowns`` are switches of the sandbox; ``only`` is "sandbox" where no account can play it.

    ``clock`` is the time at which it begins, such as ``2026-10-05T09:00:00Z``, where that matters.
    """

    file: str
    title: str
    steps: tuple[Step, ...]
    unknowns: dict[str, Value]
    only: str | None
    clock: str | None = None

    @property
    def facts(self) -> list[str]:
        """The facts that the steps name, in their order."""
        return [fact for step in self.steps for fact in step.facts]


def load(path: Path) -> Scenario:
    """Return the scenario of a file. Raises BadScenario."""
    try:
        text = path.read_text(encoding="utf-8")
        document = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise BadScenario(f"{path}: the file cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise BadScenario(f"{path}: not a {path.suffix.lstrip('.').upper() or 'TOML'} document ({error}).") from None
    return parse(document, path.name)


def parse(document: Any, file: str) -> Scenario:
    """Return the scenario of a document. Raises BadScenario."""
    if not isinstance(document, dict) or not isinstance(document.get("step"), list) or not document.get("title"):
        raise BadScenario(f"{file}: a scenario is an object with a title and a list named step.")
    refuse_unknown(file, document, FILE_KEYS)
    refuse_other_types(file, document)
    steps = tuple(parse_step(given, index, f"{file}, step {index}") for index, given in enumerate(document["step"], 1))
    names = [step.name for step in steps if step.name]
    if len(set(names)) < len(names):
        raise BadScenario(f"{file}: two steps have the same name.")
    return Scenario(
        file, document["title"], steps, document.get("unknowns", {}), document.get("only"), document.get("clock")
    )


def parse_step(given: Any, number: int, where: str) -> Step:
    """Return one step. Raises BadScenario where a key is unknown or an expected answer names no fact."""
    if not isinstance(given, dict):
        raise BadScenario(f"{where}: a step is an object.")
    refuse_unknown(where, given, STEP_KEYS)
    refuse_other_types(where, given)
    refuse_patterns(where, given.get("answer", {}))
    advance = given.get("advance", 0)
    method, _, path = str(given.get("send", "")).partition(" ")
    if (
        advance < 0
        or bool(advance) == bool(method)
        or (method and not (method in ("GET", "POST", "DELETE") and path.startswith("/")))
    ):
        raise BadScenario(f'{where}: write either send = "POST /v1/..." or advance = seconds.')
    facts = tuple(given.get("facts", [given["fact"]] if "fact" in given else []))
    for fact in facts:
        if not FACT.fullmatch(fact):
            raise BadScenario(
                f'{where}: {fact!r} is not a fact; write "FACTS_A 81", "SB 2.1", "documented: ..." or "assumed: ...".'
            )
    status = given.get("status", 200)
    expects = given.get("answer") or given.get("present") or given.get("absent") or status >= 400
    if expects and not facts:
        raise BadScenario(f"{where}: an expected answer names the fact that it rests on.")
    headers = {
        name: given[key] for key, name in (("key", "Idempotency-Key"), ("version", "Stripe-Version")) if key in given
    }
    return Step(
        number, method, path, given.get("with", {}), given.get("name"), status, given.get("answer", {}),
        tuple(given.get("present", ())), tuple(given.get("absent", ())), facts, advance, headers,
    )  # fmt: skip


def refuse_other_types(where: str, given: dict[str, Any]) -> None:
    """Refuse a value of another type than its key has. Raises BadScenario."""
    for key, (kind, word) in KINDS.items():
        value = given.get(key, kind())
        fits = isinstance(value, kind) and not isinstance(value, bool)
        if not fits or (kind is list and not all(isinstance(text, str) for text in value)):
            raise BadScenario(f"{where}: {key} is {json.dumps(value, default=str)[:40]}, and has to be {word}.")


def refuse_patterns(where: str, answer: dict[str, Any]) -> None:
    """Refuse an expected text that begins with ~ and is no pattern. Raises BadScenario."""
    for path, expected in answer.items():
        try:
            re.compile(expected[1:] if isinstance(expected, str) and expected.startswith("~") else "")
        except re.error as error:
            raise BadScenario(f"{where}: {expected!r} at {path} is no regular expression ({error}).") from None


def refuse_unknown(where: str, given: dict[str, Any], known: set[str]) -> None:
    for key in given:
        if key not in known:
            raise BadScenario(f"{where}: {key!r} is no key of a scenario; known are {', '.join(sorted(known))}.")
