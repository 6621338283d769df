"""Probe asks every row of docs/unknowns.md, and names those that a person tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stripe_sync.core.open_questions import BY_NAME, UNKNOWNS
from stripe_sync.jobs.setup import probe
from stripe_sync.jobs.setup.probing.answers import Yes
from stripe_sync.jobs.setup.probing.questions import QUESTIONS

PAGE = Path(__file__).parents[4] / "docs" / "unknowns.md"
ROW = re.compile(r"^\| `(\w+)` \|[^|]*\|[^|]*\| *(.*?) *\|", re.MULTILINE)
ROWS = dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
BY_HAND = {name for name, how in ROWS.items() if how.startswith("by hand: ")}


def test_the_questions_and_the_rows_by_hand_are_all_rows_of_the_page() -> None:
    assert probe.MODULES, "importing these modules registers the questions"
    assert QUESTIONS.keys().isdisjoint(BY_HAND)
    assert QUESTIONS.keys() | BY_HAND == BY_NAME.keys() == ROWS.keys()


def test_a_row_is_named_once() -> None:
    assert len(BY_NAME) == len(UNKNOWNS)
    assert len(ROWS) == len(ROW.findall(PAGE.read_text(encoding="utf-8")))


def test_each_row_is_requested_or_named_with_its_manual_test(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = list[str]()

    def ask(name: str, _: object) -> tuple[Yes, tuple[str, ...]]:
        questions.append(name)
        return Yes(), ()

    monkeypatch.setattr(probe, "ask", ask)
    answers = {answer.name: answer.answer for answer in probe.answers_to(None)}  # type: ignore[arg-type]
    assert answers == {name: "not asked" if name in BY_HAND else "yes" for name in ROWS}
    assert sorted(questions) == sorted(QUESTIONS)
