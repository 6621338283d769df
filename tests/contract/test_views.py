"""Each question has one view, and pages, reports, frames, checks and explain read the view alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from sqlalchemy import text

from tests.support import warehouses

SQL = Path(__file__).parents[2] / "sql"
VIEWS = sorted(path.stem for path in (SQL / "views").glob("*.sql"))
READERS = sorted(
    path for name in ("checks", "explain", "frames", "reports", "web") for path in (SQL / name).glob("*.sql")
)
# Tables whose question a view owns, and the files that ask another one of them.
OWNED = {
    "drift": (), "difference": (), "status": (), "status_count": (), "audit_line": (), "month_audit": (), "journal_intent": (),
    "journal_outcome": (), "usage_terms": (), "usage_reading": (), "usage_movement": (), "usage_hold": (),
    "plan": ("reports/drift", "web/plans"),  # refusals to plan anything; one row per plan
}  # fmt: skip


def tables_of(path: Path) -> set[str]:
    """Return the names that a file reads from."""
    lines = (line.partition("--")[0] for line in path.read_text(encoding="utf-8").splitlines())
    return set(re.findall(r"\b(?:from|join)\s+stripe_sync\.([a-z_]+)\b(?!\s*\()", " ".join(lines)))


@pytest.mark.parametrize("path", READERS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_reader_asks_the_view(path: Path) -> None:
    name = f"{path.parent.name}/{path.stem}"
    second = {table for table in tables_of(path) & OWNED.keys() if name not in OWNED[table]}
    assert not second, f"{name} reads {', '.join(sorted(second))} and not the view of sql/views"


@pytest.mark.parametrize("view", VIEWS)
def test_each_view_has_a_reader(view: str) -> None:
    python = (SQL.parent / "plugins").rglob("warehouse/**/*.py")
    files = [path for path in SQL.rglob("*.sql") if path.stem != view or path.parent.name != "views"]
    assert any(view in path.read_text(encoding="utf-8") for path in (*files, *python))


def test_the_schema_has_the_views_of_the_files() -> None:
    query = (
        "select table_name from information_schema.views where table_schema not in ('pg_catalog', 'information_schema')"
    )
    with warehouses.fresh() as (_, engine), engine.connect() as connection:
        assert sorted(connection.execute(text(query)).scalars()) == VIEWS
