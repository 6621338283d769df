"""The project's own scenarios: each step is answered by the sandbox as the facts say that Stripe answers it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.replayer.http import Server
from sandbox.replayer.replay import replay
from sandbox.replayer.scenario import load
from sandbox.server.run import running
from sandbox.world.state import Obj, from_document
from tests.recorded.shapes import misfits

SCENARIOS = sorted((Path(__file__).parent / "scenarios").glob("*.toml"))
EMPTY: Obj = {
    "clock": "2026-09-21T09:00:00Z",
    "stigg": {"environment": {"id": "env-1", "slug": "recorded", "displayName": "recorded", "type": "SANDBOX"}},
    "stripe": {"account": {"id": "acct_1SANDBOX000000001"}, "limits": {"account": 0, "endpoint": 0}},
}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(from_document(EMPTY)) as (stripe_url, _):
        yield Server(stripe_url, "sk_test_sandbox")


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_step_is_answered_as_the_facts_say(server: Server, path: Path) -> None:
    scenario = load(path)
    server.control(
        "POST", "/_world/load", EMPTY | {"unknowns": scenario.unknowns, "clock": scenario.clock or EMPTY["clock"]}
    )
    report = replay(scenario, server)
    assert report.lines() == []
    assert [
        problem for outcome in report.outcomes if outcome.status == 200 for problem in misfits(outcome.answer)
    ] == []
    assert report.counts["same"] == sum(step.advance == 0 for step in scenario.steps)
