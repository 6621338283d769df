"""Every statement names its schema: warehouses share a database, and a search path is never read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect, select, text

from stripe_sync.core.config import packaged
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.warehouse import engine as engines
from stripe_sync.warehouse.copy import create_decided, create_done, create_extracted
from stripe_sync.warehouse.schema import qualified, schema_of
from stripe_sync.warehouse.snapshots.staging import room
from stripe_sync.warehouse.tables.columns import METADATA
from stripe_sync.warehouse.tables.snapshots import mirror
from stripe_sync.warehouse.writes import leases
from tests.support import warehouses

SQL = Path(__file__).parents[2] / "sql"
OTHER = "Second-Home"
FILES = sorted(
    str(path.relative_to(SQL).with_suffix(""))
    for path in SQL.glob("*/*.sql")
    if path.parent.name not in ("views", "embedded")
)
NOW = datetime(2026, 11, 30, tzinfo=UTC)
# Values of parameters by name; the others are texts, and a few files have a value of their own.
VALUES: dict[str, object] = {
    "ids": ["x"], "keys": ["x"], "kinds": ["x"], "owners": ["x"], "customers": ["x"], "subscriptions": ["x"], "targets": ["x"],
    "stripe_ids": ["x"], "statuses": ["x"], "noise": ["x"], "lanes": ["x"], "endpoints": ["x"], "urgent": ["x"],
    **dict.fromkeys(("comparison", "comparison_id", "snapshot", "stigg", "stripe", "stigg_snapshot", "stripe_snapshot"), 1),
    **dict.fromkeys(("judged", "live", "most", "epoch", "content", "first_write", "yield_seconds", "yielded", "seconds"), 1),
    **dict.fromkeys(("factor", "least"), 1),
    **dict.fromkeys(("now", "since", "until", "upper_bound", "before"), NOW),
    **dict.fromkeys(("dates", "counts"), True),
    "requests": "[]", "action": "{}", "seen": "1:1:", "seen_in": "1", "gaps": [1.0],
}  # fmt: skip
OF_FILES: dict[str, dict[str, object]] = {
    "drift/carry_forward_statuses": {"before": 1}, "drift/statuses": {"statuses": "[]"}, "families/foreign_objects": {"after": 1},
    "families/changed": {"since": 1, "until": 1}, "usage/renewals": {"since": 1, "until": 1},
}  # fmt: skip


@pytest.fixture(scope="module")
def other() -> Iterator[Engine]:
    """A second warehouse in a database that has one, by connections whose search path leads nowhere."""
    with warehouses.fresh() as (url, _):
        made = engines.connect(f"{url}&schema={OTHER}&options=-csearch_path%3Dnowhere")
        yield made
        made.dispose()


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_planned_in_another_schema_without_a_search_path(other: Engine, file: str) -> None:
    words = packaged.sql(file)
    names, values = set(re.findall(r"(?<![:\w]):([a-z_]+)\b", words)), VALUES | OF_FILES.get(file, {})
    with other.connect() as connection:
        create_decided(connection)
        create_done(connection)
        create_extracted(connection, "staged")
        query = qualified(words, schema_of(connection)).replace(engines.STAGING_SCHEMA, "staged")
        connection.execute(text(f"explain {query}"), {name: values.get(name, "x") for name in names})
        connection.rollback()


def test_two_warehouses_in_one_database_know_nothing_of_each_other(other: Engine) -> None:
    database = other.url.difference_update_query(["options"]).render_as_string(hide_password=False)
    home = engines.engine_of(database)
    bodies = {home: {"id": "c", "name": "home"}, other: {"id": "c", "name": "other"}}
    assert {schema_of(each) for each in bodies} == {METADATA.schema, OTHER}
    for each in bodies:  # of one environment and one run, at the same time
        with room(home, "e", "r") as mine, room(other, "e", "r") as theirs:
            extract = mine if each is home else theirs
            assert mine.schema != theirs.schema
            extract.add([("customer", "c", bodies[each])])
            extract.close(environment="e", side="stigg", run_id="r", kinds=["customer"], upper_bound=NOW)
    for each, body in bodies.items():
        with each.connect() as connection:
            assert connection.execute(select(mirror.c.body)).scalars().all() == [body]
        with leases.held(each, "e", "catalog", holder="r"):
            pass
    assert engines.version_of(home) == engines.version_of(other) == engines.newest_version()
    assert inspect(home).get_table_names("public") == []
    home.dispose()


@pytest.mark.parametrize("name", ["a.b", 'a"b', "a:b", "%", "pg_own", "x" * 64])
def test_a_schema_that_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="sets the schema"):
        engines.engine_of(f"postgresql+psycopg://u@h/d?schema={name.replace('%', '%25')}")
