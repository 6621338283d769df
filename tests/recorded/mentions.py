"""Which facts a text names: ``FACTS_A 81``, ``FACTS_A 97, 98``, ``SB 2.1`` or a short range such as ``FACTS_B 42-45``."""

from __future__ import annotations

import re
from pathlib import Path

NAMED = re.compile(r"(FACTS_[AB]|SB) (\d+(?:\.\d+)?)((?:(?:, | and |-)\d+(?:\.\d+)?)*)")
LONGEST_RANGE = 8  # a longer one says where to look, and not what was proven
TESTS = Path(__file__).parent.parent
REGISTER = Path(__file__).parent / "facts.toml"


def named_in(text: str) -> set[str]:
    """Return the facts that a text names, such as ``{"FACTS_A 81", "SB 2.1"}``."""
    found = set()
    for kind, first, rest in NAMED.findall(text):
        numbers = [first]
        for joint, number in re.findall(r"(, | and |-)(\d+(?:\.\d+)?)", rest):
            if ("." in number) != (kind == "SB"):
                break
            numbers += between(numbers[-1], number) if joint == "-" else [number]
        found |= {f"{kind} {number}" for number in numbers}
    return found


def between(first: str, last: str) -> list[str]:
    """Return the numbers of a range without its first one; nothing of a long range, or of one over two sections."""
    *section, start = first.split(".")
    *other, end = last.split(".")
    if section != other or int(end) - int(start) > LONGEST_RANGE:
        return []
    return [".".join([*section, str(number)]) for number in range(int(start) + 1, int(end) + 1)]


def named_by_tests() -> dict[str, list[str]]:
    """Return which files of the tests, and which scenarios, name each fact."""
    found: dict[str, list[str]] = {}
    for path in sorted([*TESTS.rglob("*.py"), *(TESTS / "recorded" / "scenarios").glob("*.toml")]):
        if path.parent == Path(__file__).parent and path.suffix == ".py":
            continue  # the register's own tests prove nothing
        for fact in named_in(path.read_text(encoding="utf-8")):
            found.setdefault(fact, []).append(str(path.relative_to(TESTS.parent)))
    return found
