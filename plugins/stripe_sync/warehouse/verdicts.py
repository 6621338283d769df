"""Verdicts of gates, kept by suite and content, so that what was judged once is not judged again."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Engine, text

from stripe_sync.warehouse.engine import dumps


def find(engine: Engine, suite_hash: str, content: str) -> dict[str, Any] | None:
    """The detail of a kept verdict, with ``passed``."""
    with engine.connect() as connection:
        row = connection.execute(
            text("select passed, detail from verdict where suite_hash = :h and content = :c"),
            {"h": suite_hash, "c": content},
        ).first()
    return {**row.detail, "passed": row.passed} if row else None


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
