"""The search for retired words in the pieces of a tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tools import sources
from tools.vocabulary.pieces import Piece, pieces
from tools.vocabulary.rules import Rule, Vocabulary, parts

WORD = re.compile(r"[A-Za-z0-9_]+")
TOKEN = re.compile(r"\"?[A-Za-z_][A-Za-z0-9_]*\"?")
Span = tuple[int, int, Rule]


@dataclass(frozen=True)
class Finding:
    """A retired word in a file."""

    path: str
    line: int
    rule: Rule

    @property
    def folder(self) -> str:
        """The top-level folder; ``.`` for a file of the root."""
        return self.path.split("/")[0] if "/" in self.path else "."

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule.word} -> {self.rule.advice}"


class Search:
    """Rules, arranged by their domain and first word."""

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.patterns = {
            d: [r for r in vocabulary.rules if r.pattern and d in r.domains]
            for d in ("text", "opening", "names", "settings")
        }
        self.phrases: dict[tuple[str, str], list[tuple[tuple[str, ...], Rule]]] = {}
        for rule in vocabulary.rules:
            if rule.pattern is None:
                self._arrange(rule)

    def tree(self, root: Path) -> Iterator[Finding]:
        """Yield the findings of all files below ``root`` that are in scope, sorted by path and line."""
        listed = [p for p in sources.paths(root) if not sources.matches(p, self.vocabulary.out_of_scope)]
        yield from self.files(listed)
        for path in listed:
            try:
                source = (root / path).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue  # a picture
            yield from sorted(self.file(path, source), key=lambda f: (f.line, f.rule.word))

    def file(self, path: str, source: str) -> Iterator[Finding]:
        """Yield the findings in the content of a file."""
        for piece in pieces(path, _released_removed(path, source)):
            for start, _, rule in self.piece(piece):
                if _applies(rule, path):
                    yield Finding(path, piece.line + piece.text.count("\n", 0, start), rule)

    def files(self, listed: Iterable[str]) -> Iterator[Finding]:
        """Yield the findings in names of files and folders; a folder counts once."""
        folders = sorted({"/".join(path.split("/")[:n]) for path in listed for n in range(1, path.count("/") + 1)})
        for path in [*folders, *listed]:
            stem = path.rpartition("/")[2].split(".")[0]
            domains = ("files", "sql") if path.endswith(".sql") or path.startswith("sql/") else ("files",)
            seen = {rule.word: rule for domain in domains for _, _, rule in self._identifier(domain, stem, 0)}
            yield from (Finding(path, 1, rule) for rule in seen.values() if _applies(rule, path))

    def piece(self, piece: Piece) -> list[Span]:
        """Return the words in a piece that no phrase excuses, longest first where they overlap."""
        if piece.domain in ("names", "settings"):
            spans = list(self._identifier(piece.domain, piece.text, 0)) + list(self._patterned(piece))
        elif piece.domain == "sql":
            spans = [s for t in TOKEN.finditer(piece.text) for s in self._identifier("sql", t[0], t.start())]
        else:
            spans = list(self._worded(piece)) + list(self._patterned(piece))
        return _longest(spans)

    def _arrange(self, rule: Rule) -> None:
        for domain in rule.domains - {"tests", "opening"}:
            words = tuple(w.lower() for w in WORD.findall(rule.literal)) if domain == "text" else parts(rule.literal)
            if domain in ("sql", "files") and (rule.is_whole or not words or rule.literal[0].isdigit()):
                words = (rule.literal,)
            self.phrases.setdefault((domain, words[0]), []).append((words, rule))

    def _beginning(self, domain: str, word: str) -> list[tuple[tuple[str, ...], Rule]]:
        """Return the rules that begin with this word, else those of its singular if they are one word."""
        found = self.phrases.get((domain, word))
        if found is None and len(word) > 3 and word.endswith("s"):
            return [(words, rule) for words, rule in self.phrases.get((domain, word[:-1]), []) if len(words) == 1]
        return found or []

    def _worded(self, piece: Piece) -> Iterator[Span]:
        tokens = list(WORD.finditer(piece.text))
        lowered = [token[0].lower() for token in tokens]
        for n, word in enumerate(lowered):
            for words, rule in self._beginning(piece.domain, word):
                if tuple(lowered[n + 1 : n + len(words)]) == words[1:]:
                    start, end = tokens[n].start(), tokens[n + len(words) - 1].end()
                    if not _excused(rule, piece.text, start, end):
                        yield start, end, rule

    def _patterned(self, piece: Piece) -> Iterator[Span]:
        for rule in self.patterns.get(piece.domain, ()):
            assert rule.pattern is not None
            spoken = (
                " ".join(parts(piece.text)) if piece.domain == "names" and "import" not in piece.text else piece.text
            )
            for found in rule.pattern.finditer(spoken):
                if not _excused(rule, spoken, found.start(), found.end()):
                    yield found.start(), found.end(), rule

    def _identifier(self, domain: str, text: str, at: int) -> Iterator[Span]:
        """Yield the rules for an identifier: a capital word must be all of it, a small one a part."""
        split = parts(text)
        lowered = tuple(part.lower() for part in split)
        bare = text.strip("_")
        for n, part in enumerate(split):
            for form in dict.fromkeys((part, part.lower())):
                for words, rule in self._beginning(domain, form):
                    whole = rule.literal != rule.literal.lower() or (rule.is_whole and domain in ("sql", "files"))
                    is_same = bare == rule.literal if whole else lowered[n + 1 : n + len(words)] == words[1:]
                    if is_same and not _excused_name(rule, lowered, n, n + len(words)):
                        yield at + n, at + n + len(words), rule
        if domain in ("sql", "files"):
            yield from (
                (at, at + len(text), r)
                for w, r in self.phrases.get((domain, text), ())
                if len(w) == 1 and w[0] not in split
            )


def _released_removed(path: str, source: str) -> str:
    """Blank the released sections of a changelog: history keeps its words."""
    if path.rpartition("/")[2] != "CHANGELOG.md":
        return source
    head, mark, rest = source.partition("\n## ")
    section, later, _ = rest.partition("\n## ")
    return head + mark + section if later else source


def _applies(rule: Rule, path: str) -> bool:
    if "tests" in rule.domains and not path.startswith("tests/"):
        return False
    return not sources.matches(path, rule.paths)


def _excused(rule: Rule, text: str, start: int, end: int) -> bool:
    """Return True if the span stands inside an expression in which the word stays."""
    begin = max(0, start - 80)
    near = text[begin : end + 80]
    for phrase in rule.phrases:
        for found in _phrase(phrase).finditer(near):
            if found.start() + begin <= start and end <= found.end() + begin:
                return True
    return False


def _excused_name(rule: Rule, lowered: tuple[str, ...], start: int, end: int) -> bool:
    for phrase in rule.phrases:
        words = tuple(part.lower() for part in parts(phrase))
        for n in range(len(lowered) - len(words) + 1):
            if n <= start and end <= n + len(words) and lowered[n : n + len(words)] == words:
                return True
    return False


@cache
def _phrase(phrase: str) -> re.Pattern[str]:
    return re.compile(r"\s+".join(re.escape(word) for word in phrase.split()), re.IGNORECASE)


def _longest(spans: list[Span]) -> list[Span]:
    """Return the spans without those that overlap one that is an error or longer."""
    kept: list[Span] = []
    for span in sorted(spans, key=lambda s: (not s[2].is_error, s[0] - s[1], s[0])):
        if all(span[1] <= other[0] or other[1] <= span[0] for other in kept):
            kept.append(span)
    return kept
