"""A committed count that may only fall: by name (a word, a rule) and folder."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

Key = tuple[str, str]


class RatchetError(Exception):
    """A baseline that cannot be read or that would rise."""


@dataclass(frozen=True)
class Ratchet:
    """Counts by (name, folder); ``names`` has those that were counted, also with no finding."""

    counts: Counter[Key]
    names: frozenset[str]

    def risen(self, now: Ratchet) -> list[Key]:
        """Return the keys that have more findings now; sorted."""
        return sorted(key for key, count in now.counts.items() if count > self.counts[key])

    def fallen(self, now: Ratchet) -> int:
        """Return the number of findings by which counts are lower now."""
        return sum((self.counts - now.counts).values())

    def refused(self, now: Ratchet) -> list[str]:
        """Return the names whose total rises; a name that this baseline does not have may begin at any count."""
        before, after = _totals(self.counts), _totals(now.counts)
        return sorted(name for name in after if name in self.names and after[name] > before[name])


def ratchet(keys: Iterable[Key], names: Iterable[str] = ()) -> Ratchet:
    """Count findings, given as (name, folder) each."""
    counts = Counter(keys)
    return Ratchet(counts, frozenset(names) | {name for name, _ in counts})


def load(path: Path) -> Ratchet:
    """Read a baseline; an absent file is an empty one."""
    if not path.exists():
        return Ratchet(Counter(), frozenset())
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        rows = {(name, folder): int(n) for name, folders in table.items() for folder, n in folders.items()}
    except (tomllib.TOMLDecodeError, AttributeError, TypeError, ValueError) as error:
        raise RatchetError(f"The baseline {path.name} is not a table of counts by name and folder: {error}.") from error
    return Ratchet(Counter(rows), frozenset(table))


def save(path: Path, now: Ratchet) -> None:
    """Write a baseline, one name a line. Raises RatchetError if the total of a name would rise."""
    if refused := load(path).refused(now):
        raise RatchetError(f"The baseline may only fall, and {', '.join(refused)} would rise: remove the new uses.")
    lines = ["# Written by --write-baseline: findings by name and folder. A count may only fall."]
    for name in sorted(now.names):
        folders = {folder: n for (other, folder), n in sorted(now.counts.items()) if other == name}
        inner = ", ".join(f"{json.dumps(folder)} = {n}" for folder, n in folders.items())
        lines.append(
            f"{json.dumps(name, ensure_ascii=False)} = {{ {inner} }}" if inner else f"{json.dumps(name)} = {{}}"
        )
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def compare(title: str, baseline: Ratchet, now: Ratchet, findings: Sequence[tuple[Key, str]]) -> int:
    """Print the findings of each count that rose, and a line of summary; return 1 if one did.

    ``findings`` has (key, text) of each.
    """
    risen = baseline.risen(now)
    for key in risen:
        print("\n".join(text for other, text in findings if other == key))
        print(f"{key[0]}: {now.counts[key]} in {key[1]}, {baseline.counts[key]} in the baseline.")
    fallen = baseline.fallen(now)
    kept = f" {fallen} fewer than the baseline: --write-baseline keeps that." if fallen and not risen else ""
    print(f"{title}: {now.counts.total()} findings, {len(risen)} counts risen.{kept}")
    return 1 if risen else 0


def _totals(counts: Counter[Key]) -> Counter[str]:
    totals: Counter[str] = Counter()
    for (name, _), count in counts.items():
        totals[name] += count
    return totals
