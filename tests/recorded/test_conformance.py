"""Conformance: two servers are told apart by their answers, and two that are alike by none."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.conformance.__main__ import SCENARIOS, compared, empty, shown
from sandbox.conformance.comparison import differences, masked, since
from sandbox.conformance.servers import Side
from sandbox.replayer.http import Server
from sandbox.replayer.scenario import load
from sandbox.server.run import running
from sandbox.world.state import World, from_document

START = 1_798_797_600  # 2027-01-01 10:00 UTC
APART = 3_000  # seconds between the two accounts' own times
KEY = "sk_test_sandbox"
Pair = tuple[World, Side, Side]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """A sandbox in the place of the account, whose time is another, and the sandbox."""
    there, here = from_document(empty({}) | {"clock": START - APART}), from_document(empty({}) | {"clock": START})
    with running(there) as (account, _), running(here) as (sandbox, _):
        yield there, Side("account", Server(account, KEY)), Side("sandbox", Server(sandbox, KEY))


# What is for the sandbox alone is played by test_recorded.
BOTH = [path for path in sorted(SCENARIOS.glob("*.toml")) if not load(path).only]


@pytest.mark.parametrize("path", BOTH, ids=lambda path: path.stem)
def test_two_sandboxes_with_the_same_switches_do_not_differ(pair: Pair, path: Path) -> None:
    scenario = load(path)
    world, account, sandbox = pair
    assert compared(scenario, account, sandbox, start=START) == []
    assert account.left == []
    assert world.stripe["test_clocks"] == {}
    assert not [p for p in world.stripe["prices"].values() if p["active"] and p["recurring"]]


def test_two_sandboxes_with_other_switches_differ_where_these_are_asked(pair: Pair) -> None:
    world, account, sandbox = pair
    world.unknowns |= {"item_ties_up": True, "canceled_draft_advances": True}
    found = compared(load(SCENARIOS / "month_end.toml"), account, sandbox, start=START)
    assert any("amount: 1 on the account, 0 on the sandbox" in line for line in found)
    assert any(
        "[assumed: canceled_draft_advances]: status 200 on the account, 400 on the sandbox" in line for line in found
    )
    reported = [line for line in found if "assumed" not in line]
    assert all("POST /v1/invoices/{used_draft}" in line or "GET /v1/invoices" in line for line in reported), reported


def test_moments_are_compared_to_the_second_and_ids_by_their_kind() -> None:
    one = {"id": "in_1Abcdefgh", "created": 2_000_000_000, "automatically_finalizes_at": 2_000_003_600}
    other = {"id": "in_S00000001", "created": 1_900_000_000, "automatically_finalizes_at": 1_900_003_601}
    assert list(differences(masked(since(one, 0), {}), masked(since(other, 0), {}))) == [
        ("automatically_finalizes_at", "created +3600 s", "created +3601 s")
    ]


def test_whether_a_page_of_all_events_goes_on_is_no_difference(pair: Pair) -> None:
    """An account that was used before has older events than a new one."""
    _, account, sandbox = pair
    used, new = ({"url": "/v1/events", "data": [], "has_more": more} for more in (True, False))
    assert list(differences(shown(used, account, {}), shown(new, sandbox, {}))) == []
    used["url"] = new["url"] = "/v1/invoices"
    assert list(differences(shown(used, account, {}), shown(new, sandbox, {}))) == [("has_more", True, False)]


def command(folder: Path, key: str, *more: str) -> subprocess.CompletedProcess[str]:
    file = folder / "key"
    file.write_text(key)
    return conformance("--key-file", str(file), *more)


def conformance(*arguments: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "sandbox.conformance", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)


def test_a_live_key_is_refused_in_one_sentence(tmp_path: Path) -> None:
    done = command(tmp_path, "rk_live_1Abc")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "The key is not a test key (sk_test_ or rk_test_); a replay writes, so give a test key.\n"


@pytest.mark.parametrize("name", ["coupons.toml", "month_end.toml"])
def test_a_key_without_a_right_is_one_sentence(tmp_path: Path, name: str) -> None:
    document = empty({})
    document["stripe"]["keys"] = [{"key": "rk_test_poor", "rights": ["product_read"]}]
    with running(from_document(document)) as (url, _):
        done = command(tmp_path, "rk_test_poor", "--base", url, "--scenarios", str(SCENARIOS / name))
    assert done.returncode == 2
    assert done.stderr.startswith("The account refuses the key (403): Permission denied.")
    assert done.stderr.endswith("The way out: add this right to the key and start again.\n")
    assert done.stderr.count("\n") == 1


def test_a_key_that_the_account_does_not_know_is_one_sentence(tmp_path: Path) -> None:
    with running(from_document(empty({}))) as (url, _):
        done = command(tmp_path, "sk_test_other", "--base", url)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert done.stderr.endswith("The way out: give a test key of this account.\n")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", "No key file is given: write KEY_FILE=FILE"),
        ("{folder}/none", "/none cannot be read (No such file or directory): name a file that holds a test key"),
        ("{folder}", "cannot be read (Is a directory): name a file that holds a test key"),
        ("{folder}/two", "has to hold one key and nothing else"),
        ("{folder}/bytes", "has to hold one key and nothing else"),
    ],
)
def test_a_key_file_that_cannot_be_used_is_one_sentence(tmp_path: Path, given: str, words: str) -> None:
    (tmp_path / "two").write_text("sk_test_1\nsk_test_2")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    done = conformance("--key-file", given.format(folder=tmp_path))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("item_ties_up=maybe", "--answer item_ties_up=maybe: write item_ties_up=yes or item_ties_up=no"),
        ("item_ties_up", "--answer item_ties_up: write item_ties_up=yes or item_ties_up=no"),
        ("nobody=yes", "nobody"),
    ],
)
def test_an_answer_that_is_none_is_one_sentence(tmp_path: Path, given: str, words: str) -> None:
    done = command(tmp_path, KEY, "--answer", given)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr


def test_a_folder_without_a_scenario_is_one_sentence(tmp_path: Path) -> None:
    done = command(tmp_path, KEY, "--scenarios", str(tmp_path))
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "has no scenario" in done.stderr


def test_a_server_that_does_not_answer_is_one_sentence(tmp_path: Path) -> None:
    done = command(tmp_path, "rk_test_1Abc", "--base", "http://127.0.0.1:9")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "does not answer" in done.stderr


def test_a_recording_that_is_no_json_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{no")
    done = command(tmp_path, "rk_test_1Abc", "--scenarios", str(tmp_path / "broken.json"))
    assert done.returncode == 2
    assert "not a JSON document" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_command_tells_each_difference(tmp_path: Path, pair: Pair) -> None:
    world, account, _ = pair
    world.unknowns["item_ties_up"] = True
    scenario = {"title": "ties", "step": [
        {"send": "POST /v1/customers", "with": {"name": "Half"}, "name": "half"},
        {"send": "POST /v1/invoiceitems", "fact": "assumed: item_ties_up", "answer": {"amount": 0},
         "with": {"customer": "{half}", "currency": "usd", "unit_amount_decimal": "0.5"}},
    ]}  # fmt: skip
    (tmp_path / "ties.json").write_text(json.dumps(scenario))
    given = ("--base", account.server.base, "--scenarios", str(tmp_path / "ties.json"))
    done = command(tmp_path, KEY, *given)
    assert done.returncode == 1, done.stderr
    assert (
        "step 2: POST /v1/invoiceitems [assumed: item_ties_up]: amount: 1 on the account, 0 on the sandbox"
        in done.stdout
    )
    assert command(tmp_path, KEY, *given, "--answer", "item_ties_up=yes").returncode == 0
