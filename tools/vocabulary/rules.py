"""Retired words, as vocabulary.toml lists them."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

DOMAINS = frozenset({"text", "opening", "names", "files", "settings", "sql", "tests"})
PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
KEYS = {"word", "match", "instead", "in", "allowed", "level"}


class VocabularyError(Exception):
    """A list of words that cannot be read."""


@dataclass(frozen=True)
class Rule:
    """A retired word: ``pattern`` is None where the word itself is looked for.

    ``paths`` are globs of files and ``phrases`` expressions in which the word stays.
    """

    word: str
    pattern: re.Pattern[str] | None
    instead: tuple[str, ...]
    domains: frozenset[str]
    paths: tuple[str, ...]
    phrases: tuple[str, ...]
    is_error: bool

    @property
    def literal(self) -> str:
        """The word without its meaning in brackets."""
        return re.sub(r"\s*\(.*?\)", "", self.word).strip()

    @property
    def is_whole(self) -> bool:
        """Return whether a file or table must have exactly this name; the label states its meaning."""
        return "(" in self.word

    @property
    def advice(self) -> str:
        return "; ".join(self.instead)


@dataclass(frozen=True)
class Vocabulary:
    """All rules, and globs of the files that are not read."""

    rules: tuple[Rule, ...]
    out_of_scope: tuple[str, ...]


def parts(identifier: str) -> tuple[str, ...]:
    """Split an identifier: ``is_heldAtObserve`` is ("is", "held", "At", "Observe")."""
    return tuple(PART.findall(identifier))


def load(path: Path) -> Vocabulary:
    """Read the list. Raises VocabularyError with the entry that is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise VocabularyError(f"{path.name} cannot be read: {error}.") from error
    rules = tuple(_rule(row) for row in table.get("retired", []))
    words = [rule.word for rule in rules]
    if doubles := sorted({word for word in words if words.count(word) > 1}):
        raise VocabularyError(f"{path.name} lists these words twice: {', '.join(doubles)}.")
    return Vocabulary(rules, tuple(table.get("out_of_scope", [])))


def _rule(row: dict[str, object]) -> Rule:
    word = str(row.get("word", ""))
    if not word or set(row) - KEYS or not row.get("instead"):
        raise VocabularyError(
            f"The entry {word or row!r} needs word and instead, and has no other key than {sorted(KEYS)}."
        )
    domains, allowed = frozenset(_texts(row, "in")), _texts(row, "allowed")
    if not domains or domains - DOMAINS:
        raise VocabularyError(
            f"The entry {word!r} is looked for in {sorted(domains)}; one of {sorted(DOMAINS)} is meant."
        )
    if wrong := [entry for entry in allowed if not entry.startswith(("in:", "as:"))]:
        raise VocabularyError(f"The entry {word!r} allows {wrong}; each begins with in: or as:.")
    return Rule(
        word,
        _compiled(word, row.get("match")),
        _texts(row, "instead"),
        domains,
        tuple(entry[3:] for entry in allowed if entry.startswith("in:")),
        tuple(entry[3:] for entry in allowed if entry.startswith("as:")),
        is_error=row.get("level", "error") == "error",
    )


def _texts(row: dict[str, object], key: str) -> tuple[str, ...]:
    value = row.get(key, [])
    if not isinstance(value, list):
        raise VocabularyError(f"The entry {row.get('word')!r} has {key} that is not a list.")
    return tuple(str(entry) for entry in value)


def _compiled(word: str, match: object) -> re.Pattern[str] | None:
    """Compile a pattern for texts: spaces pass line ends, case does not matter."""
    if match is None:
        return None
    try:
        return re.compile(str(match).replace(" ", r"\s+"), re.IGNORECASE | re.MULTILINE)
    except re.error as error:
        raise VocabularyError(f"The entry {word!r} has a pattern that does not compile: {error}.") from error
