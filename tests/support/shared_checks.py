"""Stories share the check results of Great Expectations: equal rows are validated once a process, a failure every time.

An expectation reads its own columns and nothing else, so a suite that passed on some rows passes on equal ones. The pipeline
keeps results by the content of snapshots; each story has snapshots of its own, and most of them show the same rows.
Stories under ``always_validated``, commands, DAGs and benchmarks share no result.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine

from stripe_sync.checks import run as checks
from stripe_sync.checks.suites import ROW_EXPECTATIONS, Suite

COLUMNS = ("column", "column_A", "column_B")
Row = tuple[Any, ...]


@dataclass
class Source:
    """The warehouse of one check; Great Expectations opens it once a suite has to be validated."""

    engine: Engine
    stack: ExitStack
    opened: list[Any] = field(default_factory=list)

    def open(self) -> Any:
        if not self.opened:
            self.opened.append(self.stack.enter_context(source_of(self.engine)))
        return self.opened[0]


validate, source_of = checks.run_suite, checks.source_of
_passed: dict[str, set[Row]] = {}  # rows that passed every expectation about single rows, by the suite's hash
_together: set[tuple[str, tuple[Row, ...]]] = set()  # contents that passed the expectations about all rows


@contextmanager
def shared(*, proved: bool = False) -> Iterator[list[str]]:
    """Shares results while the block runs; yields the names of suites whose result was shared. ``proved`` has Great
    Expectations validate these too, and fails where it finds otherwise.
    """
    names: list[str] = []

    @contextmanager
    def source(engine: Engine) -> Iterator[Source]:
        with ExitStack() as stack:
            yield Source(engine, stack)

    def result(source: Source, suite: Suite, parameters: Mapping[str, str | int]) -> dict[str, Any]:
        single, together = content(source.engine, suite, checks.fill_query(suite.query, parameters))
        known = _passed.setdefault(suite.hash, set())
        if single and single <= known and (suite.hash, together) in _together:
            names.append(suite.name)
            passed: dict[str, Any] = {"failed": [], "rows": []}
            assert not proved or validate(source.open(), suite, parameters) == passed, (suite.name, single, together)
            return passed
        found = validate(source.open(), suite, parameters)
        if not found["failed"] and not found["rows"]:
            known |= single
            _together.add((suite.hash, together))
        return found

    with patch.multiple(checks, run_suite=result, source_of=source):
        yield names


def content(engine: Engine, suite: Suite, query: str) -> tuple[frozenset[Row], tuple[Row, ...]]:
    """Return the distinct rows as the expectations about single rows read them, and all rows as the other ones read them."""
    single, together = read_by(suite, single=True), read_by(suite, single=False)
    with engine.connect().execution_options(no_parameters=True) as connection:
        rows = [row._mapping for row in connection.exec_driver_sql(query)]
    each = frozenset(tuple(row[name] for name in single or ()) for row in rows)
    return each, () if together is None else tuple(
        sorted((tuple(row[name] for name in together) for row in rows), key=repr)
    )


def read_by(suite: Suite, *, single: bool) -> list[str] | None:
    """Return the columns that a suite's expectations about single rows read, or those that its other ones read; None where it
    has no such expectation.
    """
    found = [e["kwargs"] for e in suite.document["expectations"] if bool(ROW_EXPECTATIONS.match(e["type"])) == single]
    return sorted({kwargs[name] for kwargs in found for name in COLUMNS if name in kwargs}) if found else None
