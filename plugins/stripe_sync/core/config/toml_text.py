"""Settings as TOML text: tables, then their tables; values as ``tomllib`` gives them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from stripe_sync.core.settings import TABLES


def table(path: Sequence[str], content: Mapping[str, Any]) -> str:
    """Return a table with its settings, and a table of its own for each that settings have."""
    own = {name: value for name, value in content.items() if name not in TABLES}
    lines = [f"[{'.'.join(map(key, path))}]", *(f"{key(name)} = {value_text(value)}" for name, value in own.items())]
    inner = [table((*path, name), content[name]) for name in TABLES if name in content]
    return "\n".join(["\n".join(lines) + "\n", *inner])


def value_text(value: Any) -> str:
    """Return a value; a mapping as an inline table."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key(name)} = {value_text(inside)}" for name, inside in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | bool) else str(value)


def key(name: str) -> str:
    """Return a key, quoted unless it is bare."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
