"""Stories run against one embedded server; each has a database and a sandbox of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from tests.support import endpoints, shared_checks, warehouses
from tests.support.harness import Harness, build_small_world, built
from tests.support.metering import metered_world
from tests.support.switches import answered


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        warehouses.start()
        endpoints.begin()


def pytest_unconfigure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        warehouses.leave()
    else:
        warehouses.stop()
        if endpoints.FOLDER in os.environ:
            endpoints.end()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Compare the requests of the stories with the committed list: fail for an endpoint that it lacks, print one that none calls."""
    if hasattr(session.config, "workerinput") or endpoints.FOLDER not in os.environ:
        return
    called, are_all = endpoints.end(), exitstatus == pytest.ExitCode.OK and are_all_run(session.config)
    if are_all and endpoints.is_written():
        endpoints.write(called)
    for problem in endpoints.differences(called, are_all=are_all):
        session.config.get_terminal_writer().line(problem)
    if endpoints.differences(called, are_all=False) and exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def are_all_run(config: pytest.Config) -> bool:
    """Return whether a run has every story: this folder, and none left out by an option."""
    options = (
        "keyword",
        "markexpr",
        "deselect",
        "lf",
        "failedfirst",
        "stepwise",
        "ignore",
        "ignore_glob",
        "collectonly",
    )
    folders = [(config.invocation_params.dir / argument).resolve() for argument in config.args]
    return folders == [Path(__file__).parent] and not any(config.getoption(name, None) for name in options)


@pytest.fixture
def end(request: pytest.FixtureRequest) -> Any:
    """Return how a story under ``@ends`` ends with the answer that it runs under."""
    return request.param.end


@pytest.fixture
def harness_of(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Callable[[WorldBuilder], Harness]]:
    """Return the builder of a harness on a world, with the answer that the story runs under; it is closed after the story."""
    answer = answered(request)

    def build(builder: WorldBuilder) -> Harness:
        harness = stack.enter_context(built(builder, tmp_path))
        if answer is not None:
            answer.give(harness.world)
        return harness

    with ExitStack() as stack:
        if request.node.get_closest_marker("always_validated") is None:
            stack.enter_context(shared_checks.shared(proved="TEST_CHECKS" in os.environ))
        yield build


@pytest.fixture
def small_world() -> WorldBuilder:
    """Return the small world of most stories."""
    return build_small_world()


@pytest.fixture
def metered() -> WorldBuilder:
    """A plan of 20 a month and 0.0027 a call, with one customer who began three hours ago."""
    return metered_world()
