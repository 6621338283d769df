"""Results of checks by suite and content, so that a suite runs once on each content."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects.postgresql import insert

from stripe_sync.warehouse.engine import connect_to_read, run_sql
from stripe_sync.warehouse.tables.comparisons import check_result as results


def find(engine: Engine, suite_hash: str, content: str) -> dict[str, Any] | None:
    """Return the detail of a stored result, with ``passed``."""
    of = results.c
    query = select(of.passed, of.detail).where(of.suite_hash == suite_hash, of.content == content)
    with connect_to_read(engine) as connection:
        row = connection.execute(query).first()
    return {**row.detail, "passed": row.passed} if row else None


def newest(engine: Engine, suite_hash: str, place: str, *, until: int) -> tuple[int, dict[str, Any]] | None:
    """Return (content, detail) of the newest result that passed of a suite on one side of an environment, on content up to this."""
    with connect_to_read(engine) as connection:
        rows = run_sql(connection, "checks/newest", suite_hash=suite_hash, side=f"{place}:", content=until)
    return next(((int(row["content"]), row["detail"]) for row in rows), None)


def unchanged(engine: Engine, ids: Collection[str], **about: Any) -> set[str]:
    """Return the ids of the mirror rows that are unchanged since the checked snapshot (parameters as in the query)."""
    with connect_to_read(engine) as connection:
        return {row["id"] for row in run_sql(connection, "checks/unchanged", ids=list(ids), **about)}


def store(engine: Engine, *, suite: str, suite_hash: str, content: str, passed: bool, detail: dict[str, Any]) -> None:
    """Store the result of a suite."""
    row = {"suite": suite, "suite_hash": suite_hash, "content": content, "passed": passed, "detail": detail}
    with engine.begin() as connection:
        connection.execute(insert(results).values(row).on_conflict_do_nothing())
