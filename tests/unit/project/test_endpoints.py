"""The list of the endpoints that the pipeline calls is held by a run of all stories, in both directions."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scenarios.conftest import are_all_run
from tests.support import endpoints

ROOT = Path(__file__).parents[3]
CALLED = "GET /v1/account"
MORE = "GET /v1/radar/value_lists"
STORIES = "tests/scenarios"


def test_what_the_list_lacks_is_found_by_any_run_and_what_it_has_too_much_by_one_of_all_stories() -> None:
    lacking = [f"{MORE}: a story calls it, and endpoints.txt lacks it."]
    assert endpoints.differences({CALLED, MORE}, are_all=False) == lacking
    everything = endpoints.differences(endpoints.listed() - {CALLED} | {MORE}, are_all=True)
    assert everything == [*lacking, f"{CALLED}: endpoints.txt has it, and no story calls it."]
    assert endpoints.differences(endpoints.listed(), are_all=True) == []
    assert endpoints.differences(endpoints.listed() - set(endpoints.UNPLAYED), are_all=True) == []
    assert set(endpoints.UNPLAYED) <= endpoints.listed()


def test_what_processes_of_a_run_call_is_kept_until_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(endpoints.FOLDER, raising=False)
    endpoints.keep({"GET /v1/prices"})
    endpoints.begin()
    folder = Path(os.environ[endpoints.FOLDER])
    for called in ({CALLED}, {CALLED, MORE}, set[str]()):
        endpoints.keep(called)
    assert endpoints.end() == {CALLED, MORE}
    assert not folder.exists()
    assert endpoints.FOLDER not in os.environ


def test_the_list_is_written_below_its_comment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    copy = tmp_path / "endpoints.txt"
    copy.write_text("# a comment\nGET /v1/prices\n")
    monkeypatch.setattr(endpoints, "LIST", copy)
    monkeypatch.setattr(endpoints, "UNPLAYED", {})
    endpoints.write({MORE, CALLED})
    assert copy.read_text() == f"# a comment\n{CALLED}\n{MORE}\n"


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [([STORIES], True), ([f"{STORIES}/"], True), ([STORIES, "-k", "tax"], False), ([f"{STORIES}/test_tax.py"], False),
     ([STORIES, "tests/recorded"], False), ([STORIES, "-m", "always_validated"], False),
     ([STORIES, "--deselect", f"{STORIES}/test_tax.py"], False), ([STORIES, "--ignore", f"{STORIES}/test_tax.py"], False)],
)  # fmt: skip
def test_a_run_of_all_stories_leaves_none_out(
    arguments: list[str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    config = pytest.Config.fromdictargs({}, arguments)
    assert are_all_run(config) is expected
