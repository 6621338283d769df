"""A rejection and a failure in Airflow's real processes. A minute of real runs: `make soak` has it, `make test` does not."""

from __future__ import annotations

import json

import httpx

from tests.house import House
from tests.stack.conftest import answer, living, question, started, state_of, until


def test_what_is_rejected_is_not_made_and_a_failure_is_told(
    house: House, rest: httpx.Client, told: tuple[str, list[str]]
) -> None:
    first, second = started(rest, "reconcile__test"), started(rest, "reconcile__test")
    assert state_of(rest, "reconcile__test", first) == "success"
    assert state_of(rest, "reconcile__test", second) == "success", "two runs at once take turns"
    assert len(house.objects("customers")) == 3
    frozen = json.dumps(house.world.stripe["subscriptions"], sort_keys=True)
    asked = question(rest)
    answer(rest, asked, "Reject")
    assert state_of(rest, "apply__test", asked) == "success"
    assert json.dumps(house.world.stripe["subscriptions"], sort_keys=True) == frozen
    assert living(house) == 0
    kept = list(house.world.stigg["plans"])
    house.world.stigg["plans"].clear()
    assert state_of(rest, "reconcile__test", started(rest, "reconcile__test")) == "failed"
    house.world.stigg["plans"].extend(kept)
    assert any("reconcile__test" in text for text in until("the chat is told", lambda: told[1], 30))
