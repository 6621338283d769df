"""Probe asks every row of docs/unknowns.md, and names those that a person tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stripe_sync.core.open_questions import BY_NAME, UNKNOWNS
from stripe_sync.jobs.setup import probe
from stripe_sync.jobs.setup.probing.answers import Yes
from stripe_sync.jobs.setup.probing.questions import QUESTIONS, Asking, ask

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

    def answer(name: str, _: object) -> tuple[Yes, tuple[str, ...]]:
        questions.append(name)
        return Yes(), ()

    monkeypatch.setattr(probe, "ask", answer)
    answers = {answer.name: answer.answer for answer in probe.answers_to(None)}  # type: ignore[arg-type]
    assert answers == {name: "not asked" if name in BY_HAND else "yes" for name in ROWS}
    assert sorted(questions) == sorted(QUESTIONS)


class Interrupted:
    """A test account whose question a person interrupts."""

    def __init__(self) -> None:
        self.requests, self.request_ids, self.cleared = self, list[str](), 0

    def clear(self) -> None:
        self.cleared += 1


def test_an_interrupted_question_removes_its_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: Asking) -> Yes:
        raise KeyboardInterrupt

    account = Interrupted()
    monkeypatch.setitem(QUESTIONS, "coupon_id_reuse", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask("coupon_id_reuse", Asking(account, None))  # type: ignore[arg-type]
    assert account.cleared == 1
