"""Verdicts of gates, kept by suite and content, so that what was judged once is not judged again."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from sqlalchemy import Engine, text

from stripe_sync.warehouse.engine import dumps, run_sql


def find(engine: Engine, suite_hash: str, content: str) -> dict[str, Any] | None:
    """The detail of a kept verdict, with ``passed``."""
    with engine.connect() as connection:
        row = connection.execute(
            text("select passed, detail from verdict where suite_hash = :h and content = :c"),
            {"h": suite_hash, "c": content},
        ).first()
    return {**row.detail, "passed": row.passed} if row else None


def newest(engine: Engine, suite_hash: str, place: str, *, upto: int) -> tuple[int, dict[str, Any]] | None:
    """(content, detail) of the newest verdict of a suite on one side of an environment, on content up to this."""
    with engine.connect() as connection:
        row = connection.execute(
            text(
                "select content, detail from verdict where suite_hash = :h and starts_with(content, :p) and passed "
                "and cast(substring(content from '[0-9]+$') as bigint) <= :upto "
                "order by cast(substring(content from '[0-9]+$') as bigint) desc limit 1"
            ),
            {"h": suite_hash, "p": f"{place}:", "upto": upto},
        ).first()
    return (int(row.content.rpartition(":")[2]), row.detail) if row else None


def unchanged(engine: Engine, ids: Collection[str], **about: Any) -> set[str]:
    """Which of these rows of a mirror are still as they were at a content: environment, side, kind, snapshot, judged."""
    with engine.connect() as connection:
        return {row["id"] for row in run_sql(connection, "gates/unchanged", ids=list(ids), **about)}


def store(engine: Engine, *, suite: str, suite_hash: str, content: str, passed: bool, detail: dict[str, Any]) -> None:
    """Keeps a verdict."""
    with engine.begin() as connection:
        connection.execute(
            text(
                "insert into verdict (suite, suite_hash, content, passed, detail) values "
                "(:s, :h, :c, :p, cast(:d as jsonb)) on conflict do nothing"
            ),
            {"s": suite, "h": suite_hash, "c": content, "p": passed, "d": dumps(detail)},
        )
