"""The newest audit of each month: what invoices should bill for use, and what they bill."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text

COLUMNS = ("invoice", "subscription", "status", "currency", "expected", "invoiced", "rounding", "difference", "missing",
           "total", "balance", "due")  # fmt: skip


def audited_at(engine: Engine, environment: str, month: str) -> datetime | None:
    """When a month such as ``2026-11`` was audited last; one without invoices counts once it was looked at."""
    with engine.connect() as connection:
        found: datetime | None = connection.execute(
            text("select max(audited_at) from audit_of_month where environment = :e and month = cast(:m as date)"),
            {"e": environment, "m": f"{month}-01"},
        ).scalar()
        return found


def keep(engine: Engine, environment: str, month: str, rows: Sequence[Mapping[str, Any]], *, at: datetime) -> None:
    """Replaces the audit of a month."""
    of = {"e": environment, "m": f"{month}-01"}
    names, values = ", ".join(COLUMNS), ", ".join(f":{column}" for column in COLUMNS)
    with engine.begin() as connection:
        connection.execute(text("delete from audit where environment = :e and month = cast(:m as date)"), of)
        connection.execute(
            text(
                "insert into audit_of_month (environment, month, audited_at) values (:e, cast(:m as date), :at) "
                "on conflict (environment, month) do update set audited_at = excluded.audited_at"
            ),
            {**of, "at": at},
        )
        lines = [{**of, "line": n, **{c: row[c] for c in COLUMNS}} for n, row in enumerate(rows)]
        if lines:
            connection.execute(
                text(
                    f"insert into audit (environment, month, line, {names}) values (:e, cast(:m as date), :line, {values})"
                ),
                lines,
            )
