"""Run the suites of a check and store their results.

A stored result is reused while the suite and its data are the same. Great Expectations, which takes seconds to import, is
imported only if a suite has to run.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import Engine, column, select, text

from stripe_sync.checks.suites import Suite, suites
from stripe_sync.core.errors import CheckFailed, ConfigurationError
from stripe_sync.warehouse.comparisons import check_results
from stripe_sync.warehouse.engine import connect_to_read
from stripe_sync.warehouse.schema import qualified, schema_of


@dataclass(frozen=True)
class CheckOutcome:
    """Outcome of a check: failed rules about whole tables, and failed rows as (kind, id, rule), which are quarantined."""

    failed: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    suites_run: int = 0
    suites_reused: int = 0


def check(
    engine: Engine, name: str, *, contents: Mapping[str, str], parameters: Mapping[str, str | int]
) -> CheckOutcome:
    """Run the suites of a check whose data changed, and return the outcome with the stored results of the others.

    ``contents`` is the data's version by side (``snapshot:version``); a suite about one side depends on that side alone.
    ``parameters`` fill the queries.
    """
    result = CheckOutcome()
    suites_run = suites_reused = 0
    with ExitStack() as opened:
        source: Any = None
        for suite in (in_schema(each, schema_of(engine)) for each in suites(name)):
            content = contents[suite.side] if suite.side else "/".join(contents.values())
            found = check_results.find(engine, suite.hash, content)
            if found is None:
                checked_until, unchanged = last_result(engine, suite, content, parameters)
                values = {**parameters, "judged": checked_until}
                if suite.row_wise and is_empty(engine, suite, values):
                    found = {"failed": [], "rows": []}
                else:
                    source = source or opened.enter_context(source_of(engine))
                    found = run_suite(source, suite, values)
                found["rows"] += unchanged
                detail = {"failed": found["failed"], "rows": found["rows"]}
                check_results.store(
                    engine,
                    suite=suite.name,
                    suite_hash=suite.hash,
                    content=content,
                    passed=not found["failed"],
                    detail=detail,
                )
                suites_run += 1
            else:
                suites_reused += 1
            result.failed.extend(found["failed"])
            result.rows.extend((row[0], row[1], row[2]) for row in found["rows"])
    return CheckOutcome(result.failed, result.rows, suites_run, suites_reused)


def in_schema(suite: Suite, schema: str) -> Suite:
    """Return a suite whose query reads the tables of a schema."""
    return replace(suite, query=qualified(suite.query, schema))


def last_result(
    engine: Engine, suite: Suite, content: str, parameters: Mapping[str, str | int]
) -> tuple[int, list[tuple[str, str, str]]]:
    """Return the starting point of an incremental check.

    Returns:
        (version, failures): the snapshot version up to which the suite last ran, and its failed rows that are unchanged
        since, as (kind, id, rule). (0, []) for a full check: a suite about the whole table, or one that never ran.
    """
    snapshot, _, version = content.rpartition(":")
    known = check_results.newest(engine, suite.hash, snapshot, until=int(version)) if suite.row_wise else None
    if known is None:
        return 0, []
    checked_until, detail = known
    rows = [(row[0], row[1], row[2]) for row in detail["rows"]]
    scope = {
        "environment": parameters["environment"],
        "side": suite.side,
        "kind": suite.entity_kind,
        "judged": checked_until,
    }
    unchanged = check_results.unchanged(
        engine, {id for _, id, _ in rows}, snapshot=parameters[f"{suite.side}_snapshot"], **scope
    )
    return checked_until, [row for row in rows if row[1] in unchanged]


def is_empty(engine: Engine, suite: Suite, parameters: Mapping[str, str | int]) -> bool:
    """Return whether the suite's query has no rows."""
    with connect_to_read(engine) as connection:
        rows = text(suite.query).columns(column("id")).subquery("checked")
        return connection.execute(select(rows.c.id).limit(1), dict(parameters)).first() is None


def require(outcome: CheckOutcome, name: str) -> None:
    """Raise CheckFailed with every failed rule."""
    if outcome.failed:
        raise CheckFailed(f"Check {name} failed; the run stops before its next step. {' '.join(outcome.failed)}")


@cache
def context() -> Any:
    """Return Great Expectations' context: one per process, in memory only."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    ephemeral = gx.get_context(mode="ephemeral")
    ephemeral.variables.progress_bars = ProgressBarsConfig(globally=False)
    return ephemeral


@contextmanager
def source_of(engine: Engine) -> Iterator[Any]:
    """Open the warehouse as a data source of Great Expectations, for the suites of one check."""
    sources, name = context().data_sources, uuid.uuid4().hex
    source = sources.add_postgres(name, connection_string=engine.url.render_as_string(hide_password=False))
    try:
        yield source
    finally:  # Great Expectations does not close its connections
        source.get_execution_engine().close()
        source.get_engine().dispose()
        sources.delete(name)


def run_suite(source: Any, suite: Suite, parameters: Mapping[str, str | int]) -> dict[str, Any]:
    """Validate one suite with Great Expectations inside PostgreSQL; return its failed rules and failed rows."""
    failed: list[str] = []
    rows: list[tuple[str, str, str]] = []
    batch = batch_of(source, suite, fill_query(suite.query, parameters))
    if all(outcome.success for outcome in outcomes(batch, suite, detail="BOOLEAN_ONLY")):
        return {"failed": failed, "rows": rows}
    for outcome in outcomes(batch, suite, detail="COMPLETE"):
        meta = outcome.expectation_config.meta
        if outcome.success:
            continue
        keys = [str(row["id"]) for row in outcome.result.get("unexpected_index_list") or ()]
        if meta["scope"] == "row" and suite.entity_kind and keys:
            rows += [(suite.entity_kind, key, meta["rule"]) for key in keys]
        else:
            failed.append(with_keys(meta["rule"], keys))
    return {"failed": failed, "rows": rows}


def batch_of(source: Any, suite: Suite, query: str) -> Any:
    """Return the rows of a suite's query as a batch.

    It uses a batch request: a batch definition would be stored and serialized with the whole context.
    """
    asset = source.add_query_asset(suite.name, query=query)
    return asset.get_batch(asset.build_batch_request())


def outcomes(batch: Any, suite: Suite, *, detail: str) -> list[Any]:
    """Return the result of each expectation; ``detail`` is COMPLETE (with failed rows, 50 % slower) or BOOLEAN_ONLY."""
    import great_expectations as gx

    expectations = gx.ExpectationSuite(name=suite.name, expectations=suite.document["expectations"])
    result_format = {"result_format": detail, "unexpected_index_column_names": ["id"]}
    return list(batch.validate(expectations, result_format=result_format).results)


def with_keys(rule: str, keys: list[str]) -> str:
    """Return a rule with the first five keys that break it."""
    return f"{rule} ({', '.join(keys[:5])}{', ...' if len(keys) > 5 else ''})" if keys else rule


def fill_query(query: str, parameters: Mapping[str, str | int]) -> str:
    """Return a query with its ``:name`` parameters as literals, which SQLAlchemy quotes; Great Expectations takes only text.

    Raises ConfigurationError for a parameter of the query that has no value.
    """
    statement = text("\n".join(line for line in query.splitlines() if not line.startswith("--")))
    names = list(statement.compile().params)
    if missing := [name for name in names if name not in parameters]:
        raise ConfigurationError(f"The query of a check has the parameter {missing[0]}, which the check does not set.")
    filled = statement.bindparams(**{name: parameters[name] for name in names})
    return str(filled.compile(compile_kwargs={"literal_binds": True}))
