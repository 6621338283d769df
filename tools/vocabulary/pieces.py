"""Pieces of a file in which words are looked for: texts, openings, names, SQL, settings."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
SQL = re.compile(r"\s*(select|insert into|update|delete from|with|create|alter|drop|copy|truncate|lock table)\s", re.I)
QUOTED = re.compile(r'"((?:[^"\\\n]|\\.)*)"')
SETTING = re.compile(r"^\s*\[*([A-Za-z_][\w.\"-]*)\]*\s*(?==|$)")
HASHED = (".toml", ".yaml", ".yml", ".sh", ".example", ".ini", ".in")


@dataclass(frozen=True)
class Piece:
    """A text of one domain, and the line on which it begins."""

    domain: str
    line: int
    text: str


def pieces(path: str, source: str) -> Iterator[Piece]:
    """Yield what is read of a file; nothing of a kind of file that has no words of the project."""
    name = path.rpartition("/")[2]
    if name.endswith(".py"):
        yield from python_pieces(source)
    elif name.endswith(".sql"):
        yield from sql_pieces(source)
    elif name.endswith(".md"):
        yield from markdown_pieces(source)
    elif name.endswith((".html", ".j2", ".css")):
        yield Piece("text", 1, source)
    elif name.endswith(".json"):
        yield from _quoted(source)
    elif name.endswith(HASHED) or name in {"Makefile", "Dockerfile"}:
        yield from hashed_pieces(source, settings=name.endswith((".toml", ".example")))


def python_pieces(source: str) -> Iterator[Piece]:
    """Yield docstrings, comments, messages, SQL in strings and the identifiers that a module defines."""
    tree = ast.parse(source)
    inside: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                inside.add(id(first.value))
                yield from _prose(first.lineno, first.value.value)
        elif isinstance(node, ast.JoinedStr):
            inside.update(id(value) for value in node.values)
            yield from _string(node.lineno, joined(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inside:
            yield from _string(node.lineno, node.value)
        yield from (_named(line, name) for line, name in _defined(node))
    yield from _comments(source)


def joined(node: ast.JoinedStr) -> str:
    """Return the text of an f-string, ``{}`` where a value stands."""
    return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)


def sql_pieces(source: str) -> Iterator[Piece]:
    """Yield the comments as text, the first of them as an opening, and the statements without comments."""
    comments = [
        (n, line.strip()[2:].strip()) for n, line in enumerate(source.splitlines(), 1) if line.strip().startswith("--")
    ]
    yield from _blocks(comments)
    if comments:
        yield Piece("opening", *comments[0])
    yield Piece("sql", 1, re.sub(r"--.*", "", source))


def markdown_pieces(source: str) -> Iterator[Piece]:
    yield Piece("text", 1, source)
    for number, line in enumerate(source.splitlines(), 1):
        if line.startswith("#"):
            yield Piece("opening", number, line.lstrip("# "))


def hashed_pieces(source: str, *, settings: bool) -> Iterator[Piece]:
    """Yield the comments after a hash, quoted sentences, and keys where the file is one of settings."""
    rows = [(n, line.partition("#")[2].strip("# ")) for n, line in enumerate(source.splitlines(), 1) if "#" in line]
    yield from _blocks(rows)
    yield from _quoted(re.sub(r"#.*", "", source))
    if settings:
        for number, line in enumerate(source.splitlines(), 1):
            if found := SETTING.match(line):
                yield Piece("settings", number, found[1])


def _prose(line: int, text: str) -> Iterator[Piece]:
    yield Piece("text", line, text)
    yield Piece("opening", line, text.strip().partition("\n")[0])


def _string(line: int, text: str) -> Iterator[Piece]:
    if SQL.match(text) and len(text.split()) > 2:
        yield Piece("sql", line, text)
    elif NAME.fullmatch(text):
        yield Piece("names", line, text)
    elif re.search(r"[a-z]{2}\s+\S|\S\s+[a-z]{2}", text):
        yield from _prose(line, text)


def _named(line: int, name: str) -> Piece:
    """Return an identifier; the name of a test is a sentence."""
    return Piece("text", line, name.replace("_", " ")) if name.startswith("test_") else Piece("names", line, name)


def _quoted(source: str) -> Iterator[Piece]:
    for number, line in enumerate(source.splitlines(), 1):
        for text in QUOTED.findall(line):
            if " " in text:
                yield Piece("text", number, text)


def _comments(source: str) -> Iterator[Piece]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    yield from _blocks([(t.start[0], t.string.lstrip("# ")) for t in tokens if t.type == tokenize.COMMENT])


def _blocks(rows: list[tuple[int, str]]) -> Iterator[Piece]:
    """Yield comments of consecutive lines as one text."""
    block: list[str] = []
    for position, (line, text) in enumerate(rows):
        block.append(text)
        if position + 1 == len(rows) or rows[position + 1][0] != line + 1:
            yield Piece("text", line - len(block) + 1, "\n".join(block))
            block = []


def _defined(node: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, identifier) of each name that the node brings into the program."""
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield node.lineno, name
        case ast.arg(arg=name) if name not in {"self", "cls"}:
            yield node.lineno, name
        case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
            yield node.lineno, name
        case ast.alias(name=name, asname=str(other)):
            yield node.lineno, other
            yield node.lineno, f"import {name.rpartition('.')[2]} as {other}"
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield node.lineno, name
        case _:
            return
