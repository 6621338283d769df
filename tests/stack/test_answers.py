"""A rejection and a failure in Airflow's real processes. A minute of real runs: `make soak` has it, `make test` does not."""

from __future__ import annotations

import json

import httpx

from tests.stack.conftest import answer, living, question, started, state_of, until
from tests.support.harness import Harness


def test_what_is_rejected_is_not_made_and_a_failure_is_told(
    harness: Harness, rest: httpx.Client, chat: tuple[str, list[str]]
) -> None:
    first, second = started(rest, "reconcile__test"), started(rest, "reconcile__test")
    assert state_of(rest, "reconcile__test", first) == "success"
    assert state_of(rest, "reconcile__test", second) == "success", "two runs at once take turns"
    assert len(harness.objects("customers")) == 3
    frozen = json.dumps(harness.world.stripe["subscriptions"], sort_keys=True)
    apply_run = question(rest)
    answer(rest, apply_run, "Reject")
    assert state_of(rest, "apply__test", apply_run) == "success"
    assert json.dumps(harness.world.stripe["subscriptions"], sort_keys=True) == frozen
    assert living(harness) == 0
    kept = list(harness.world.stigg["plans"])
    harness.world.stigg["plans"].clear()
    assert state_of(rest, "reconcile__test", started(rest, "reconcile__test")) == "failed"
    harness.world.stigg["plans"].extend(kept)
    assert any("reconcile__test" in text for text in until("the chat receives an alert", lambda: chat[1], 30))
