"""Compares two recordings after a map of renames.

The map is TOML: ``[tables]`` new name = old name; ``[columns.TABLE]`` (old table name) new column = old column;
``[values]`` new text = old text; ``[parameters]`` likewise inside requests; ``left_out`` lists ``TABLE`` or
``TABLE.COLUMN`` (old names) that hold texts for people or have no counterpart.
"""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Obj = dict[str, Any]
SHOWN = 5


@dataclass(frozen=True)
class Renames:
    """The written map from the newer commit's names to the older one's."""

    tables: dict[str, str] = field(default_factory=dict)
    columns: dict[str, dict[str, str]] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()


@dataclass
class Result:
    """The comparison of two recordings: rows compared, and sentences on what differs."""

    rows: int = 0
    differences: list[str] = field(default_factory=list)


def load_map(path: Path | None) -> Renames:
    """Read a map of renames; without a file there are none."""
    row = tomllib.loads(path.read_text(encoding="utf-8")) if path else {}
    return Renames(
        row.get("tables", {}), row.get("columns", {}), row.get("values", {}), frozenset(row.get("left_out", []))
    )


def renamed_value(value: Any, renames: Renames) -> Any:
    """Return a value with its texts, and the texts inside it, as the older commit has them."""
    if isinstance(value, str):
        return renames.values.get(value, value)
    if isinstance(value, list):
        return [renamed_value(v, renames) for v in value]
    if isinstance(value, dict):
        return {renames.values.get(k, k): renamed_value(v, renames) for k, v in value.items()}
    return value


def rows_of(document: Obj, renames: Renames) -> dict[str, Counter[str]]:
    """Return the rows of a recording by the older commit's table name; requests are the table ``requests``."""
    found: dict[str, Counter[str]] = {"requests": Counter(document["requests"])}
    for new, lines in document["tables"].items():
        table = renames.tables.get(new, new)
        if table in renames.left_out:
            continue
        columns = renames.columns.get(table, {})
        rows = found.setdefault(table, Counter())
        for line in lines:
            row = {columns.get(k, k): renamed_value(v, renames) for k, v in json.loads(line).items()}
            kept = {k: v for k, v in row.items() if f"{table}.{k}" not in renames.left_out}
            rows[json.dumps(kept, sort_keys=True)] += 1
    return found


def compare(before: Path, after: Path, renames: Renames) -> Result:
    """Compare two folders of recordings, file by file and row by row."""
    result = Result()
    names = {p.name for p in before.glob("*.json")} | {p.name for p in after.glob("*.json")}
    for name in sorted(names):
        if not ((before / name).exists() and (after / name).exists()):
            result.differences.append(f"{name}: is in one folder alone")
            continue
        old = rows_of(json.loads((before / name).read_text(encoding="utf-8")), renames)
        new = rows_of(json.loads((after / name).read_text(encoding="utf-8")), renames)
        for table in sorted(old.keys() | new.keys()):
            mine, other = old.get(table, Counter()), new.get(table, Counter())
            result.rows += sum(mine.values())
            gone, more = sorted((mine - other).elements()), sorted((other - mine).elements())
            if gone or more:
                result.differences.append(f"{name}: {table}: {len(gone)} rows only before, {len(more)} only after")
                result.differences += [f"  - {row[:600]}" for row in gone[:SHOWN]]
                result.differences += [f"  + {row[:600]}" for row in more[:SHOWN]]
    return result
