"""Open questions: answered by probe, required by enforce, and implemented for either answer (BILLING 12)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import UNKNOWNS as SWITCHES
from stripe_sync.core.errors import AccountRefused
from stripe_sync.core.open_questions import BY_NAME
from stripe_sync.jobs.setup.probe import probe
from tests.support.harness import Harness
from tests.support.shell import ENFORCE, LIMITS, TOML, command, environ

Build = Callable[[WorldBuilder], Harness]
PAGE = Path(__file__).parents[2] / "docs" / "unknowns.md"


def test_enforce_waits_for_the_answers_and_goes_on_with_them(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.world.unknowns |= {"coupon_id_reuse": True, "large_pages": True}
    harness.change(accept_unknown=["subscription_id_on_change"])
    stored = harness.plan()
    waiting = {v.lane for v in stored.guard_results if v.decision == "wait"}
    assert waiting == {"catalog", "subscriptions"}
    assert "coupon_id_reuse" in next(v.refusals[0] for v in stored.guard_results if v.lane == "catalog")
    session = harness.session()
    answers = {a.name: a.answer for a in probe(session, pause=0).answers}
    session.close()
    assert answers["coupon_id_reuse"] == "yes"
    assert answers["subscription_id_on_change"] == "open", "this environment has one plan"
    assert harness.objects("coupons") == [], "what was made was taken away"
    assert [o["name"] for o in harness.objects("products") if o["active"]] == []
    assert {v.decision for v in harness.plan().guard_results} == {"apply"}


def test_probe_tells_the_other_answers_as_well(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.world.unknowns |= {"coupon_id_reuse": False, "integrations_readable": False, "large_pages": False}
    harness.world.limits["clock_polls"] = 1  # the command waits a second between two polls
    env = environ(harness, TOML + ENFORCE + LIMITS)
    done = command(env, "probe", "test", "--json")
    assert done.returncode == 0, done.stderr
    answers = {row["question"]: row["answer"] for row in json.loads(done.stdout)["answers"]}
    assert answers["coupon_id_reuse"] == answers["integrations_readable"] == "no"


def test_probe_refuses_a_live_account(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(live=True)
    session = harness.session()
    with pytest.raises(AccountRefused, match="is live"):
        probe(session)
    session.close()


def test_the_page_names_each_question_that_the_code_asks_and_each_switch() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert rows >= set(BY_NAME)
    text = PAGE.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in SWITCHES)
