"""The tables of a report: a question each, answered by one SQL file.

Names and addresses of people are left out: a customer's texts are shown as hidden, not as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Engine

from stripe_sync.money import shown_all
from stripe_sync.warehouse.engine import dumps, run_sql

Row = dict[str, Any]
HIDDEN = "(hidden)"
PERSONAL = frozenset({"name", "email", "description"})
QUESTIONS = {
    "drift": "What differs",
    "money": "What the differences are worth a month",
    "groups": "What the plan would do, and what holds it back",
    "status_counts": "How many entities have which status",
    "statuses": "Every entity, its status and why",
    "candidates": "What a person has to say whether it is one",
    "hands": "What was done by hand",
    "writes": "What was written",
}


@dataclass(frozen=True)
class Table:
    """One answered question. Cells are text, numbers, times or absent."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


def tables(engine: Engine, environment: str, run_id: str) -> list[Table]:
    """All tables of a report on one run, read in one transaction."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection, connection.begin():
        found = []
        for name, title in QUESTIONS.items():
            rows = run_sql(connection, f"reports/{name}", environment=environment, run_id=run_id)
            found.append(table(name, title, [presentable(row) for row in rows]))
    return found


def table(name: str, title: str, rows: list[Row]) -> Table:
    return Table(name, title, tuple(rows[0]) if rows else (), tuple(rows))


def presentable(row: Mapping[str, Any]) -> Row:
    """A row in cells: money by currency in words, documents as text, people hidden."""
    result = {}
    for column, value in row.items():
        if column in ("per_month", "due_now"):
            result[column] = shown_all({c: Decimal(str(v)) for c, v in (value or {}).items()})
        elif column in ("before", "after") and row.get("kind") == "customer":
            result[column] = without_people(row.get("field"), value)
        elif isinstance(value, dict | list | bool):
            result[column] = dumps(value)
        else:
            result[column] = value
    return result


def without_people(field: Any, value: Any) -> Any:
    """A customer's document or field with its personal texts hidden."""
    if value is None:
        return None
    if isinstance(value, dict):
        return dumps({k: HIDDEN if k in PERSONAL else v for k, v in value.items()})
    return HIDDEN if field in PERSONAL else value


def summary(found: list[Table], environment: str, run_id: str) -> Row:
    """The figures of a report: what a script or a dashboard reads."""
    by_name = {t.name: t.rows for t in found}
    statuses: dict[str, dict[str, int]] = {}
    for row in by_name["status_counts"]:
        kind = statuses.setdefault(row["kind"], {})
        kind[row["status"]] = kind.get(row["status"], 0) + row["entities"]
    return {
        "environment": environment,
        "run": run_id,
        "differences": len({row["key"] for row in by_name["drift"]}),
        "per_month_minor": [
            {k: str(v) if isinstance(v, Decimal) else v for k, v in row.items()} for row in by_name["money"]
        ],
        "planned_actions": sum(row["actions"] for row in by_name["groups"]),
        "waiting_actions": sum(row["actions"] for row in by_name["groups"] if row["decision"] != "apply"),
        "statuses": statuses,
    }
