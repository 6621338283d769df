"""Databases for tests: one embedded server a test run, one migrated template, a database a test."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import Engine

from stripe_sync.warehouse import engine
from stripe_sync.warehouse.embedded import server

SERVER = "TESTS_OF_STRIPE_SYNC_SERVER"
TEMPLATE = "template_of_tests"
MEMORY, ENOUGH = Path("/dev/shm"), 4 * 2**30
_stack = ExitStack()


def start() -> None:
    """Starts the server and migrates the template; called once a test run, by the process that starts the workers.

    Its data lie in memory where there is room: a database is 300 files, and a test has one of its own.
    """
    place = MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH else None
    server.KEPT = place or server.KEPT
    state = Path(_stack.enter_context(tempfile.TemporaryDirectory(prefix="stripe_sync-tests-", dir=place)))
    _stack.callback(server.forget, state)
    url = _stack.enter_context(server.owned(state))
    os.environ[SERVER] = url
    with psycopg.connect(conninfo("postgres"), autocommit=True) as connection:
        # The server outlives every process that a test kills, so nothing has to wait for the disk.
        connection.execute(f"alter role {server.USER} set synchronous_commit = off")
        connection.execute(f"create database {TEMPLATE}")
    migrated = engine.connect(url_of(TEMPLATE))
    migrated.dispose()


def stop() -> None:
    """Stops the server and removes its data."""
    _stack.close()


def url_of(database: str) -> str:
    return os.environ[SERVER].replace(f"/{server.DATABASE}?", f"/{database}?")


def conninfo(database: str) -> str:
    host = os.environ[SERVER].partition("?host=")[2]
    return f"host={host} user={server.USER} dbname={database}"


@contextmanager
def fresh() -> Iterator[tuple[str, Engine]]:
    """A migrated database of one's own, and its engine."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(conninfo("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {TEMPLATE}")
    with psycopg.connect(conninfo(name), autocommit=True) as connection:
        connection.execute(
            "update stripe_sync.warehouse set id = gen_random_uuid()"
        )  # a copy of the template is another warehouse
    url = url_of(name)
    made = engine.engine_of(url)
    try:
        yield url, made
    finally:
        made.dispose()
        with psycopg.connect(conninfo("postgres"), autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")
