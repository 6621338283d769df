"""Limits of the layout: modules of at most 250 lines, folders of at most 14 modules, without an exception."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "plugins" / "stripe_sync"
MOST_LINES = 250
MOST_MODULES = 14


def _modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def test_no_module_has_more_than_250_lines() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in _modules()}
    assert {str(path.relative_to(PACKAGE)): count for path, count in lines.items() if count > MOST_LINES} == {}


def test_no_folder_has_more_than_14_modules() -> None:
    folders = Counter(str(path.parent.relative_to(PACKAGE)) for path in _modules() if path.name != "__init__.py")
    assert {folder: count for folder, count in folders.items() if count > MOST_MODULES} == {}
