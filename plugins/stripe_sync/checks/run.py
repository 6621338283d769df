"""Runs the suites of a gate on one content of the warehouse and keeps the verdicts.

A verdict that is kept is not made again, and Great Expectations (seconds to import) is imported only to make one.
"""

from __future__ import annotations

import os
import re
import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from sqlalchemy import Engine, column, select, text

from stripe_sync.checks.suites import Suite, suites
from stripe_sync.core.errors import GateFailed
from stripe_sync.warehouse.comparisons import check_results
from stripe_sync.warehouse.schema import qualified, schema_of


@dataclass(frozen=True)
class GateResult:
    """What a gate found: rules of sets that failed, and rows to leave out as (kind, id, rule)."""

    failed: list[str] = field(default_factory=list)
    rows: list[tuple[str, str, str]] = field(default_factory=list)
    judged: int = 0
    kept: int = 0


def check(engine: Engine, gate: str, *, contents: Mapping[str, str], parameters: Mapping[str, str | int]) -> GateResult:
    """The verdict on what there is, by side; ``parameters`` fill the queries (numbers, and names of letters, digits, ``-``,
    ``_``). A suite that is about one side is judged again only when that side is another."""
    result = GateResult()
    judged = kept = 0
    with ExitStack() as opened:
        source: Any = None
        for suite in (in_schema(each, schema_of(engine)) for each in suites(gate)):
            content = contents[suite.side] if suite.side else "/".join(contents.values())
            found = check_results.find(engine, suite.hash, content)
            if found is None:
                judged_at, left = before(engine, suite, content, parameters)
                given = {**parameters, "judged": judged_at}
                if suite.row_wise and is_empty(engine, suite, given):
                    found = {"failed": [], "rows": []}
                else:
                    source = source or opened.enter_context(source_of(engine))
                    found = judge(source, suite, given)
                found["rows"] += left
                detail = {"failed": found["failed"], "rows": found["rows"]}
                check_results.store(
                    engine,
                    suite=suite.name,
                    suite_hash=suite.hash,
                    content=content,
                    passed=not found["failed"],
                    detail=detail,
                )
                judged += 1
            else:
                kept += 1
            result.failed.extend(found["failed"])
            result.rows.extend((row[0], row[1], row[2]) for row in found["rows"])
    return GateResult(result.failed, result.rows, judged, kept)


def in_schema(suite: Suite, schema: str) -> Suite:
    """Return a suite whose query reads the tables of a schema."""
    return replace(suite, query=qualified(suite.query, schema))


def before(
    engine: Engine, suite: Suite, content: str, parameters: Mapping[str, str | int]
) -> tuple[int, list[tuple[str, str, str]]]:
    """(the content at which a suite about rows was judged last, the rows that failed then and are as they were); 0 and none
    where everything is judged.
    """
    place, _, upto = content.rpartition(":")
    known = check_results.newest(engine, suite.hash, place, upto=int(upto)) if suite.row_wise else None
    if known is None:
        return 0, []
    judged_at, detail = known
    rows = [(row[0], row[1], row[2]) for row in detail["rows"]]
    about = {
        "environment": parameters["environment"],
        "side": suite.side,
        "kind": suite.entity_kind,
        "judged": judged_at,
    }
    still = check_results.unchanged(
        engine, {id for _, id, _ in rows}, snapshot=parameters[f"{suite.side}_snapshot"], **about
    )
    return judged_at, [row for row in rows if row[1] in still]


def is_empty(engine: Engine, suite: Suite, parameters: Mapping[str, str | int]) -> bool:
    """Whether there is nothing to judge."""
    with engine.connect() as connection:
        rows = text(suite.query).columns(column("id")).subquery("checked")
        return connection.execute(select(rows.c.id).limit(1), dict(parameters)).first() is None


def require(result: GateResult, gate: str) -> None:
    """Raises GateFailed, with every rule that failed."""
    if result.failed:
        raise GateFailed(f"The gate {gate} is closed: {' '.join(result.failed)}")


@cache
def context() -> Any:
    """Great Expectations' context: one a process, kept in memory alone."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
    import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    made = gx.get_context(mode="ephemeral")
    made.variables.progress_bars = ProgressBarsConfig(globally=False)
    return made


@contextmanager
def source_of(engine: Engine) -> Iterator[Any]:
    """The warehouse as Great Expectations sees it, for the suites of one gate."""
    sources, name = context().data_sources, uuid.uuid4().hex
    source = sources.add_postgres(name, connection_string=engine.url.render_as_string(hide_password=False))
    try:
        yield source
    finally:  # Great Expectations would leave its connections to the garbage collector
        source.get_execution_engine().close()
        source.get_engine().dispose()
        sources.delete(name)


def judge(source: Any, suite: Suite, parameters: Mapping[str, str | int]) -> dict[str, Any]:
    """Validates one suite with Great Expectations, on the query's rows inside PostgreSQL."""
    failed: list[str] = []
    rows: list[tuple[str, str, str]] = []
    batch = batch_of(source, suite, filled(suite.query, parameters))
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
    """The rows of a suite's query as Great Expectations sees them: by a request, since a definition of a batch would be kept
    and written out with everything else that its context keeps.
    """
    asset = source.add_query_asset(suite.name, query=query)
    return asset.get_batch(asset.build_batch_request())


def outcomes(batch: Any, suite: Suite, *, detail: str) -> list[Any]:
    """Great Expectations' word on each expectation of a suite; which rows fail costs it half as much again as whether any
    does.
    """
    import great_expectations as gx

    expectations = gx.ExpectationSuite(name=suite.name, expectations=suite.document["expectations"])
    wanted = {"result_format": detail, "unexpected_index_column_names": ["id"]}
    return list(batch.validate(expectations, result_format=wanted).results)


def with_keys(rule: str, keys: list[str]) -> str:
    """A rule with the first keys that break it."""
    return f"{rule} ({', '.join(keys[:5])}{', ...' if len(keys) > 5 else ''})" if keys else rule


def filled(query: str, parameters: Mapping[str, str | int]) -> str:
    """A query with its ``:name`` parameters as literals: Great Expectations takes text alone."""
    filled = "\n".join(line for line in query.splitlines() if not line.startswith("--"))
    for name, value in parameters.items():
        if isinstance(value, str) and not re.fullmatch(r"[A-Za-z0-9_-]+", value):
            raise ValueError(f"the parameter {name} cannot be a literal")
        literal = str(value) if isinstance(value, int) else f"'{value}'"
        filled = re.sub(rf"(?<!:):{name}\b", literal, filled)
    return filled
