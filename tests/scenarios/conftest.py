"""Stories run against one embedded server; each has a database and a sandbox of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit
from tests import warehouses
from tests.house import House, built


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        warehouses.start()


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        warehouses.stop()


@pytest.fixture
def house_of(tmp_path: Path) -> Iterator[Callable[[WorldBuilder], House]]:
    """Builds a house on a world; it is taken down after the story."""
    with ExitStack() as stack:
        yield lambda builder: stack.enter_context(built(builder, tmp_path))


@pytest.fixture
def town() -> WorldBuilder:
    """A small catalog and three customers, each with a paid subscription."""
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("seats", "Seats")
    world.plan("pro", "Pro", [flat(20), per_unit("seats", 5)])
    world.addon("support", "Support", [flat(10)])
    for number in (1, 2, 3):
        world.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        world.subscription(f"s-{number}", f"c-{number}", "pro", units={"seats": number + 1})
    return world
