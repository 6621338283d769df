"""The tables of SQLAlchemy Core are those of the migrated schema; the schema's catalog is the recorded one."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, text
from sqlalchemy.exc import IntegrityError, SAWarning

from stripe_sync.warehouse import tables
from stripe_sync.warehouse.engine import engine_of
from stripe_sync.warehouse.tables.columns import METADATA, VIEWS
from stripe_sync.warehouse.tables.runs import account
from tests.support import warehouses

CATALOG = Path(__file__).with_name("schema.txt")
# One line per trigger, check, generated column, index, statistics object and function, as PostgreSQL prints its definition.
QUESTIONS = """
select 'trigger ' || t.tgrelid::regclass || ': ' || pg_get_triggerdef(t.oid) from pg_trigger t where not t.tgisinternal
union all
select 'check ' || c.conrelid::regclass || '.' || c.conname || ': ' || pg_get_constraintdef(c.oid)
from pg_constraint c where c.contype = 'c' and c.connamespace = 'stripe_sync'::regnamespace
union all
select 'generated ' || a.attrelid::regclass || '.' || a.attname || ': ' || pg_get_expr(d.adbin, d.adrelid)
from pg_attribute a join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attgenerated <> ''
union all
select 'index ' || i.tablename || ': ' || i.indexdef from pg_indexes i where i.schemaname = 'stripe_sync'
union all
select 'column ' || a.attrelid::regclass || '.' || a.attname || ': ' || format_type(a.atttypid, a.atttypmod)
from pg_attribute a join pg_class r on r.oid = a.attrelid and r.relkind = 'r'
where r.relnamespace = 'stripe_sync'::regnamespace and a.atttypid in ('xid8'::regtype, 'pg_snapshot'::regtype) and a.attnum > 0
union all
select 'statistics ' || s.stxrelid::regclass || ': ' || pg_get_statisticsobjdef(s.oid) from pg_statistic_ext s
union all
select 'function ' || pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'stripe_sync'::regnamespace
"""


def test_the_tables_are_those_of_the_migrated_schema() -> None:
    for module in pkgutil.iter_modules(tables.__path__, f"{tables.__name__}."):
        importlib.import_module(module.name)

    def is_compared(_object: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
        return kind != "index" and name != "schema_version"

    def is_ours(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "schema" or name == METADATA.schema

    with warehouses.fresh() as (url, _), warnings.catch_warnings():
        # PostgreSQL's search path begins with the user's name, and Alembic leaves the schema that it finds first unnamed.
        engine = engine_of(f"{url}&options=-csearch_path%3Dpublic")
        # Alembic compares neither generated columns nor types that SQLAlchemy does not know: the recorded catalog has both.
        warnings.filterwarnings("ignore", "Did not recognize type '(xid8|pg_snapshot)'", SAWarning)
        warnings.filterwarnings("ignore", "Computed default on link.owner cannot be modified", UserWarning)
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={
                "include_object": is_compared, "include_name": is_ours, "include_schemas": True, "compare_type": True,
                "compare_server_default": True,
            })  # fmt: skip
            assert compare_metadata(context, METADATA) == []
        engine.dispose()


def test_the_catalog_has_the_recorded_triggers_checks_and_generated_columns() -> None:
    with warehouses.fresh() as (_, engine), engine.connect() as connection:
        found = {" ".join(line.split()) for line in connection.execute(text(QUESTIONS)).scalars()}
    recorded = set(CATALOG.read_text(encoding="utf-8").splitlines())
    assert (sorted(found - recorded), sorted(recorded - found)) == ([], [])


def test_the_views_that_core_reads_have_these_columns() -> None:
    query = "select column_name from information_schema.columns where table_schema = :schema and table_name = :name"
    with warehouses.fresh() as (_, engine), engine.connect() as connection:
        for view in VIEWS.tables.values():
            names = connection.execute(text(query), {"schema": view.schema, "name": view.name}).scalars()
            assert set(names) == set(view.c.keys()), view.name


def test_an_error_of_the_database_has_no_parameter() -> None:
    row = {"environment": "e", "account": "acct_secret", "key_digest": "digest_secret", "proven_at": datetime.now(UTC)}
    with warehouses.fresh() as (_, engine), engine.begin() as connection:
        connection.execute(insert(account).values(row))
        with pytest.raises(IntegrityError) as raised, connection.begin_nested():
            connection.execute(insert(account).values(row))
    assert "account_pkey" in str(raised.value)
    assert "secret" not in str(raised.value)
