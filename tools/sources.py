"""Files of a tree, by path, for the tools that read source."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
SKIPPED = {".git", ".venv", "__pycache__", "node_modules"}


def paths(root: Path) -> list[str]:
    """Return the files that git tracks or would track below ``root``; every file where it is no work tree."""
    if (root / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=root,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
    else:
        listed = [str(p.relative_to(root)) for p in root.rglob("*") if not SKIPPED & set(p.parts)]
    return sorted(path for path in set(listed) if (root / path).is_file())


def python(root: Path, under: str) -> Iterator[tuple[str, str]]:
    """Yield (path, source) of each Python module below the folder ``under``."""
    for path in paths(root):
        if path.endswith(".py") and path.startswith(f"{under}/"):
            yield path, (root / path).read_text(encoding="utf-8")


def matches(path: str, globs: Iterable[str]) -> bool:
    """Return True if a glob names the path; a glob may begin at any folder, and ``**`` passes folders."""
    return any(_pattern(glob).fullmatch(path) for glob in globs)


@cache
def _pattern(glob: str) -> re.Pattern[str]:
    parts = re.split(r"(\*\*/|\*\*|\*)", glob)
    forms = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return re.compile("(?:.*/)?" + "".join(forms.get(part, re.escape(part)) for part in parts))
