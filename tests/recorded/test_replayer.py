"""The replayer finds what differs, to the second, and says in one sentence which input it cannot use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.replayer.http import LiveKey, Server
from sandbox.replayer.replay import replay
from sandbox.replayer.scenario import BadScenario, load, parse
from sandbox.server.run import running
from sandbox.world.state import from_document
from tests.recorded.test_recorded import EMPTY

MAKE = {"send": "POST /v1/customers", "with": {"email": "a@b.example"}, "name": "made"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running(from_document(EMPTY)) as (stripe_url, _):
        yield Server(stripe_url, "sk_test_sandbox")


def played(server: Server, *steps: dict[str, Any]) -> list[str]:
    """Return the lines of a scenario of these steps."""
    return replay(parse({"title": "t", "step": list(steps)}, "t.toml"), server).lines()


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        ({"answer": {"email": "a@b.exampl"}}, 'email: "a@b.example" instead of "a@b.exampl"'),
        ({"answer": {"colour": "red"}}, "colour: missing"),
        ({"answer": {"balance": False}}, "balance: 0 instead of false"),
        ({"answer": {"created": "{self.created + 1}"}}, "created: "),
        ({"answer": {"id": "~cus_[0-9]{3}"}}, "does not match"),
        ({"answer": {"id": "{nobody}"}}, "there is no {nobody}"),
        ({"present": ["name"]}, "name: nothing there"),
        ({"absent": ["email"]}, "email: present"),
        ({"status": 402}, "status 200 instead of 402"),
    ],
)
def test_a_difference_is_told_with_its_path(server: Server, expected: dict[str, Any], words: str) -> None:
    lines = played(server, MAKE | {"fact": "FACTS_A 24"} | expected)
    assert len(lines) == 1
    assert "step 1: POST /v1/customers [FACTS_A 24]" in lines[0]
    assert words in lines[0]


@pytest.mark.parametrize(("seconds", "same"), [(3600, True), (3601, False), (3599, False)])
def test_moments_of_one_answer_are_compared_to_the_second(server: Server, seconds: int, same: bool) -> None:
    draft = {"send": "POST /v1/invoices", "with": {"customer": "{made}", "auto_advance": True}, "fact": "FACTS_B 9"}
    draft["answer"] = {"next_payment_attempt": f"{{self.created + {seconds}}}"}
    assert (played(server, MAKE, draft) == []) is same


def test_time_passes_and_a_step_that_needs_a_missing_one_is_not_reached(server: Server) -> None:
    late = {"send": "POST /v1/customers", "fact": "FACTS_A 24", "answer": {"created": "{made.created + 61}"}}
    assert played(server, MAKE, {"advance": 61}, late) == []
    lines = played(server, {"send": "GET /v1/customers/{ghost}"}, MAKE)
    assert lines == ["t.toml, step 1: GET /v1/customers/{ghost} []: it needs {ghost}, which no earlier step gave"]


def test_what_is_not_modelled_is_counted_apart(server: Server) -> None:
    report = replay(parse({"title": "t", "step": [{"send": "POST /v1/setup_intents"}]}, "t.toml"), server)
    assert report.counts["not modelled"] == 1


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"step": []}, "a title and a list named step"),
        ({"title": "t", "step": [{"send": "PUT /v1/x"}]}, "step 1: write either send"),
        ({"title": "t", "step": [MAKE | {"answer": {"id": "x"}}]}, "names the fact that it rests on"),
        ({"title": "t", "step": [MAKE | {"fact": "I think so"}]}, "is not a fact"),
        ({"title": "t", "step": [MAKE | {"expect": {}}]}, "'expect' is no key of a scenario"),
        ({"title": "t", "step": [MAKE, MAKE]}, "two steps have the same name"),
    ],
)
def test_a_scenario_that_cannot_be_used_is_told_in_a_sentence(document: dict[str, Any], words: str) -> None:
    with pytest.raises(BadScenario, match=words) as told:
        parse(document, "bad.toml")
    assert str(told.value).startswith("bad.toml")
    assert str(told.value).endswith(".")


@pytest.mark.parametrize("name", ["a.json", "a.toml"])
def test_a_file_that_is_no_document_is_told_in_a_sentence(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("{no")
    with pytest.raises(BadScenario, match=f"not a {name[2:].upper()} document"):
        load(tmp_path / name)


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "pk_test_1", ""])
def test_a_key_that_is_no_test_key_sends_nothing(key: str) -> None:
    with pytest.raises(LiveKey, match="not a test key"):
        Server("http://127.0.0.1:9", key)
