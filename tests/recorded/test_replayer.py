"""The replayer finds what differs, to the second, and says in one sentence which input it cannot use."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.replayer.http import LiveKey, Server, Unusable
from sandbox.replayer.replay import replay
from sandbox.replayer.scenario import BadScenario, load, parse
from sandbox.server.run import running
from sandbox.world.state import from_document
from tests.recorded.test_recorded import EMPTY, SCENARIOS

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
        ({"title": "t", "step": [MAKE | {"answer": 5}]}, "step 1: answer is 5, and has to be an object"),
        ({"title": "t", "step": [MAKE | {"status": "x"}]}, 'step 1: status is "x", and has to be a whole number'),
        ({"title": "t", "step": [MAKE | {"status": True}]}, "step 1: status is true, and has to be a whole number"),
        ({"title": "t", "step": [MAKE | {"with": [1]}]}, "step 1: with is .*, and has to be an object"),
        ({"title": "t", "step": [MAKE | {"present": [1]}]}, "step 1: present is .*, and has to be a list of texts"),
        ({"title": "t", "step": [MAKE | {"fact": None}]}, "step 1: fact is null, and has to be a text"),
        ({"title": "t", "step": [{"advance": "1 h"}]}, "step 1: advance is .*, and has to be a whole number"),
        ({"title": "t", "step": [{"advance": -1}]}, "step 1: write either send"),
        ({"title": "t", "step": [], "unknowns": 1}, "unknowns is 1, and has to be an object"),
        ({"title": "t", "step": [MAKE | {"fact": "SB 1.1", "answer": {"id": "~("}}]}, "is no regular expression"),
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


def test_a_file_that_is_not_there_is_reported_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadScenario, match=r"none.toml: the file cannot be read \(No such file or directory\)\.$"):
        load(tmp_path / "none.toml")


def test_a_sum_with_a_text_is_a_difference(server: Server) -> None:
    lines = played(server, MAKE | {"fact": "FACTS_A 24", "answer": {"email": "{self.email + 1}"}})
    assert "there is no {self.email + 1} to compare with" in lines[0]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "sandbox.replayer", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def test_a_key_that_the_server_does_not_know_is_one_sentence(server: Server, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk_test_other")
    done = command("--base", server.base, "--key-file", str(tmp_path / "key"), *(str(path) for path in SCENARIOS))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.startswith("The account refuses the key (401): Invalid API Key provided")
    assert done.stderr.endswith("The way out: give a test key of this account.\n")


@pytest.mark.parametrize("base", ["127.0.0.1:12111", "ftp://x", ""])
def test_an_address_that_is_none_is_one_sentence(base: str) -> None:
    with pytest.raises(Unusable, match="is no address of a server: give --base"):
        Server(base, "sk_test_sandbox")


def test_time_on_a_server_that_is_no_sandbox_is_one_sentence(server: Server) -> None:
    with pytest.raises(Unusable, match="so it is no sandbox or refuses it"):
        server.control("POST", "/v1/nothing", {})


@pytest.mark.parametrize("key", ["sk_live_1", "rk_live_1", "pk_test_1", ""])
def test_a_key_that_is_no_test_key_sends_nothing(key: str) -> None:
    with pytest.raises(LiveKey, match="not a test key"):
        Server("http://127.0.0.1:9", key)
