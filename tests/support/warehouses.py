"""Databases for tests: one embedded server a test run, one migrated template, and an empty database a test.

Tests of one process take turns at a database: see ``fresh``.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import Engine
from sqlalchemy.pool import QueuePool

from stripe_sync.warehouse import engine
from stripe_sync.warehouse.embedded import paths, server

SERVER = "TESTS_OF_STRIPE_SYNC_SERVER"
TEMPLATE = "template_of_tests"
SCHEMA_VERSION = "schema_version"  # the one table whose rows stay
MEMORY, ENOUGH = Path("/dev/shm"), 4 * 2**30
# Nothing has to outlive this server: a power cut ends the tests as well.
OPTIONS = ("fsync=off", "full_page_writes=off", "max_wal_size=1GB", "wal_level=minimal", "max_wal_senders=0")
_CLASSES = """
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
"""
TABLES = f"select c.oid::regclass::text, c.relname {_CLASSES} and c.relkind in ('r', 'p') order by 1"
SEQUENCES = f"select setval(c.oid::regclass, 1, false) {_CLASSES} and c.relkind = 'S'"
SCHEMA = f"""
select md5(concat_ws('/',
    (select string_agg(concat_ws(',', c.oid, c.relname, c.relkind, c.relacl), ';' order by c.oid) {_CLASSES}),
    (select string_agg(concat_ws(',', a.attrelid, a.attnum, a.attname, a.atttypid, a.attnotnull), ';'
        order by a.attrelid, a.attnum) {_CLASSES.replace("where", "join pg_attribute as a on a.attrelid = c.oid where")}),
    (select string_agg(concat_ws(',', t.oid, t.tgenabled, t.tgfoid), ';' order by t.oid) from pg_trigger as t),
    (select string_agg(concat_ws(',', k.oid, k.convalidated), ';' order by k.oid) from pg_constraint as k),
    (select string_agg(concat_ws(',', p.oid, md5(p.prosrc)), ';' order by p.oid) from pg_proc as p where p.oid >= 16384),
    (select string_agg(concat_ws(',', r.ev_class, md5(r.ev_action)), ';' order by r.oid)
        from pg_rewrite as r where r.oid >= 16384),
    (select string_agg(concat_ws(',', s.setdatabase, s.setrole, s.setconfig), ';') from pg_db_role_setting as s)
))
"""
_stack = ExitStack()


@dataclass
class Kept:
    """A database of this process that stories take turns at, its engine, and its schema when it was made."""

    name: str
    url: str
    engine: Engine
    schema: str


_free: list[Kept] = []


def start() -> None:
    """Start the server and migrate the template; called once a test run, by the process that starts the workers.

    Its data directory is in memory if there is enough: a database is 300 files, and each test has one.
    """
    place = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH else None
    paths.KEPT = place or paths.KEPT
    server.OPTIONS = (*server.OPTIONS, *OPTIONS)
    state = Path(_stack.enter_context(tempfile.TemporaryDirectory(prefix="stripe_sync-tests-", dir=place)))
    _stack.callback(server.forget, state)
    url = _stack.enter_context(server.owned(state))
    os.environ[SERVER] = url
    with psycopg.connect(conninfo("postgres"), autocommit=True) as connection:
        # The server outlives every process that a test kills, so nothing has to wait for the disk.
        connection.execute(f"alter role {paths.USER} set synchronous_commit = off")
        connection.execute(f"create database {TEMPLATE}")
    migrated = engine.connect(url_of(TEMPLATE))
    migrated.dispose()


def stop() -> None:
    """Stop the server and remove its data."""
    leave()
    _stack.close()


def leave() -> None:
    """Close the connections of this process."""
    while _free:
        _free.pop().engine.dispose()


def url_of(database: str) -> str:
    return os.environ[SERVER].replace(f"/{paths.DATABASE}?", f"/{database}?")


def conninfo(database: str) -> str:
    host = os.environ[SERVER].partition("?host=")[2]
    return f"host={host} user={paths.USER} dbname={database}"


@contextmanager
def fresh() -> Iterator[tuple[str, Engine]]:
    """Yield the URL of a migrated database that holds nothing yet, and its engine.

    A database that a story left with the schema that it had is emptied for the next one: connections, statements that are
    prepared, and what a server's process knows of the catalog are kept with it. Any other is dropped.
    """
    kept = _free.pop() if _free else made()
    try:
        yield kept.url, kept.engine
    except BaseException:
        drop(kept)
        raise
    if is_clean(kept):
        _free.append(kept)
    else:
        drop(kept)


def made() -> Kept:
    """Return a copy of the template."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {TEMPLATE}")
    with psycopg.connect(conninfo(name)) as connection:
        empty(connection)
        schema = schema_of(connection)
    return Kept(name, url_of(name), engine.engine_of(url_of(name)), schema)


def drop(kept: Kept) -> None:
    """Drop a database with whatever is connected to it."""
    kept.engine.dispose()
    with psycopg.connect(conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {kept.name} with (force)")


def is_clean(kept: Kept) -> bool:
    """Empty a database; return whether its schema is as it was and its engine, now idle, has the only connections."""
    pool = kept.engine.pool
    if not isinstance(pool, QueuePool) or pool.checkedout():
        return False
    with kept.engine.begin() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        if others(raw) > pool.checkedin() or schema_of(raw) != kept.schema:
            return False
        empty(raw)
    return True


def others(connection: psycopg.Connection[Any]) -> int:
    """Return how many other sessions the database has."""
    query = "select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    found = connection.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def empty(connection: psycopg.Connection[Any]) -> None:
    """Remove every row that the template does not have, and make the database another warehouse than it was."""
    connection.execute("set local session_replication_role = replica")  # what is kept for good goes too
    tables = {relation: name for relation, name in connection.execute(TABLES).fetchall() if name != SCHEMA_VERSION}
    filled = " union all ".join(f"(select '{relation}' from {relation} limit 1)" for relation in tables)
    if found := [relation for (relation,) in connection.execute(filled).fetchall()]:
        connection.execute(f"truncate {', '.join(found)} cascade")
    connection.execute(SEQUENCES)
    (seeded,) = (relation for relation, name in tables.items() if name == "warehouse")
    connection.execute(f"insert into {seeded} default values")


def schema_of(connection: psycopg.Connection[Any]) -> str:
    """Return a digest of everything in the catalog that a story might change."""
    found = connection.execute(SCHEMA).fetchone()
    assert found is not None
    return str(found[0])
