"""Writes down a world and its warehouse when the world's servers stop. Installed by ``-p tools.recorder.hooks`` or on import.

``RECORD_TO`` is the folder. Every connection that SQLAlchemy opens while a world is served is noted; its database is
read, table by table, before the world ends.
"""

from __future__ import annotations

import json
import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event
from sqlalchemy.pool import Pool

from sandbox.server import run
from sandbox.world.state import Request, World
from tools.recorder.normal import Normal
from tools.recorder.tables import tables_of

_databases: set[tuple[str, str, str]] = set()
_served = run.running
_written: Counter[str] = Counter()


@event.listens_for(Pool, "connect")
def note_database(connection: Any, _: Any) -> None:
    """Remember the database of a connection: (host, user, name)."""
    if isinstance(connection, psycopg.Connection):
        info = connection.info
        _databases.add((info.host, info.user, info.dbname))


@contextmanager
def recorded(world: World) -> Iterator[tuple[str, str]]:
    """Serve a world as ``sandbox.server.run.running`` does, and write it down when it ends."""
    with _served(world) as urls:
        yield urls
        write(world)


def write(world: World) -> None:
    """Write one file: the requests, and the tables of each database that was used, as sorted lines."""
    normal = Normal(world)
    tables: dict[str, list[str]] = {}
    for database in sorted(_databases):
        for table, rows in read(*database).items():
            tables.setdefault(table, []).extend(normal.line(row) for row in rows)
    requests = [normal.line(told(r)) for r in world.requests]
    document = {"requests": sorted(requests), "tables": {name: sorted(rows) for name, rows in sorted(tables.items())}}
    path = Path(os.environ["RECORD_TO"]) / f"{title()}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1), encoding="utf-8")


def read(host: str, user: str, name: str) -> dict[str, list[dict[str, Any]]]:
    """Return the tables of a database; one that is gone, or of Airflow, has none."""
    if name in ("postgres", "airflow"):
        return {}
    try:
        with psycopg.connect(host=host, user=user, dbname=name) as connection:
            return tables_of(connection)
    except psycopg.OperationalError:
        _databases.discard((host, user, name))
        return {}


def told(request: Request) -> dict[str, Any]:
    """Return what is compared of a request: all but its number and its answer."""
    keys = ("side", "method", "path", "params", "status", "idempotency_key")
    return {key: getattr(request, key) for key in keys}


def title() -> str:
    """Return the name of the running test, or ``demo``; a further world of one test is numbered."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "demo").rpartition(" (")[0] or "demo"
    name = re.sub(r"[^A-Za-z0-9_.-]+", "-", test.rpartition("::")[2]).strip("-")
    _written[name] += 1
    return name if _written[name] == 1 else f"{name}.{_written[name]}"


class OneByOne(futures.ThreadPoolExecutor):
    """A pool of one thread: requests come in one order, so that a storm hits the same ones and ids are the same."""

    def __init__(self, max_workers: int | None = None, *args: Any, **keywords: Any) -> None:
        super().__init__(1, *args, **keywords)


run.running = recorded
futures.ThreadPoolExecutor = OneByOne  # type: ignore[misc]
futures.thread.ThreadPoolExecutor = OneByOne  # type: ignore[misc]
