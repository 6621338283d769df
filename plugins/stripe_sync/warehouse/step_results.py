"""Step results as types: the one place where they are encoded to the JSON rows of ``step`` and decoded from them.

A result has a ``summary``, the counts that a person sees, apart from its payload. In the row both stand side by side.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import msgspec
from sqlalchemy import Connection, Engine

from stripe_sync.core.decoding import typed
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.engine import connect_to_read

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True)
class StepResult:
    """Base of the results of steps.

    ``step`` is the name under which a result is stored. The fields named in ``flat`` are objects whose fields stand in the
    row itself. A field that is None, and None by default, is left out of the row.
    """

    step: ClassVar[str] = ""
    flat: ClassVar[tuple[str, ...]] = ("summary",)


Kind = TypeVar("Kind", bound=StepResult)


def row_of(result: DataclassInstance) -> dict[str, Any]:
    """Return a result as the JSON object that is stored, printed and given to other tasks."""
    flat = getattr(result, "flat", ())
    row: dict[str, Any] = {}
    for field in fields(result):
        value = getattr(result, field.name)
        if field.name in flat:
            row |= row_of(value) if value is not None else {}
        elif value is not None or field.default is not None:
            row[field.name] = msgspec.to_builtins(value)
    return row


def decode(row: dict[str, Any], kind: type[Kind]) -> Kind:
    """Return the result of a stored row. Raises msgspec.ValidationError."""
    return typed(row | dict.fromkeys(kind.flat, row), kind)


def find(engine: Engine, environment: str, run_id: str, kind: type[Kind]) -> Kind | None:
    """Return the result of a finished step of a run, or None."""
    with connect_to_read(engine) as connection:
        return find_in(connection, environment, run_id, kind)


def find_in(connection: Connection, environment: str, run_id: str, kind: type[Kind]) -> Kind | None:
    """Return the result of a finished step of a run, or None, in a transaction."""
    row = runs.result_in(connection, environment, run_id, kind.step)
    return decode(row, kind) if row is not None else None


def newest(connection: Connection, environment: str, kind: type[Kind]) -> Kind | None:
    """Return the result of a step when it last finished, in whatever run."""
    row = runs.newest_result(connection, environment, kind.step)
    return decode(row, kind) if row is not None else None


def store(engine: Engine, environment: str, run_id: str, result: StepResult) -> None:
    """Store the result of a step; a later one replaces it."""
    runs.finish(engine, environment, run_id, result.step, row_of(result))
