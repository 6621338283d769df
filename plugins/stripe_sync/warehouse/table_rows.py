"""Rows of queries as tables show them: scalars as they are, JSON objects by field, other JSON values as text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection

from stripe_sync.warehouse.engine import opened
from stripe_sync.warehouse.json_text import dumps


@dataclass(frozen=True)
class JsonObject:
    """A JSON object: the JSON text of each of its fields."""

    fields: Mapping[str, str]

    def text(self) -> str:
        """Return the object as JSON text."""
        return "{" + ",".join(f"{dumps(name)}:{text}" for name, text in self.fields.items()) + "}"

    def decimals(self) -> dict[str, Decimal]:
        """Return the fields of an object of numbers, which may be texts."""
        return {name: Decimal(text.strip('"')) for name, text in self.fields.items()}


Value = str | int | Decimal | datetime | date | JsonObject | None


def open_rows(
    connection: Connection, name: str, /, **parameters: Any
) -> tuple[tuple[str, ...], Iterator[dict[str, Value]]]:
    """Return the columns of one SQL file, and its rows as they come."""
    columns, rows = opened(connection, name, **parameters)
    return columns, (values_of(row) for row in rows)


def values_of(row: Mapping[str, Any]) -> dict[str, Value]:
    """Return a row of a query as the values of a table."""
    return {column: value_of(value) for column, value in row.items()}


def value_of(value: Any) -> Value:
    """Return one value of a row: arrays and booleans are JSON text."""
    if isinstance(value, dict):
        return JsonObject({name: dumps(field) for name, field in value.items()})
    if isinstance(value, list | bool):
        return dumps(value)
    found: Value = value
    return found
