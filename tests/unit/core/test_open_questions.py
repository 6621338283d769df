"""Rows of docs/unknowns.md that a lane waits for: an unanswered one holds that lane alone, and a "no" forbids what depends on it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import pytest

from stripe_sync.core.open_questions import BY_NAME, UNKNOWNS, Unknown, forbidden, open_questions, waiting_causes
from stripe_sync.core.settings import Environment, StripeSettings, UsageSettings
from stripe_sync.domain.usage.holds.leads import leads

PAGE = Path(__file__).parents[3] / "docs" / "unknowns.md"
CELLS = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|([^|]*)\|$", re.MULTILINE)
LANES = {found[0]: found[2].strip() for found in CELLS.findall(PAGE.read_text(encoding="utf-8"))}
GATED = [unknown for unknown in UNKNOWNS if unknown.lanes]
# Every setting on which a row depends, so that each row concerns the environment.
ALL = Environment(
    name="test", stripe_account="acct_1", stripe=StripeSettings(tax=True), usage=UsageSettings(meters={"calls": {}})
)  # type: ignore[dict-item]
NONE = Environment(name="test", stripe_account="acct_1")


def test_every_row_of_the_page_can_be_read() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert set(LANES) == set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))


@pytest.mark.parametrize("name", sorted(LANES))
def test_the_page_names_the_lanes_that_the_code_lets_wait(name: str) -> None:
    shown, _, condition = LANES[name].partition(", with `")
    unknown = BY_NAME.get(name)
    assert [lane for lane in shown.split(", ") if lane] == list(unknown.lanes if unknown else ())
    assert bool(condition) == (unknown is not None and not unknown.concerns(NONE))


@pytest.mark.parametrize("unknown", GATED, ids=lambda unknown: unknown.name)
def test_an_unanswered_row_keeps_its_lanes_from_enforcing_and_no_others(unknown: Unknown) -> None:
    others = set(BY_NAME) - {unknown.name}
    assert open_questions(others, (), ALL) == dict.fromkeys(unknown.lanes, (unknown.name,))
    assert open_questions((), others, ALL) == dict.fromkeys(unknown.lanes, (unknown.name,))
    assert open_questions(BY_NAME, (), ALL) == open_questions((), BY_NAME, ALL) == {}


@pytest.mark.parametrize("unknown", UNKNOWNS, ids=lambda unknown: unknown.name)
@pytest.mark.parametrize("answer", ["yes", "no"])
def test_an_answer_forbids_what_depends_on_it_and_nothing_else(unknown: Unknown, answer: str) -> None:
    """One answer forbids a lane; where another says so, actions of one cause wait. All others are built for both answers."""
    expected = {"usage": 1} if (unknown.name, answer) == ("finalization_moves", "no") else {}
    assert {lane: len(why) for lane, why in forbidden({unknown.name: answer}, NONE).items()} == expected
    held = forbidden(
        {unknown.name: answer},
        Environment(name="test", stripe_account="acct_1", usage=UsageSettings(hold_by_auto_advance=True)),
    )
    assert held == {}, "the other way of holding is allowed"
    waits = {"interval": ""} if (unknown.name, answer) != ("interval_change", "yes") else {}
    assert set(waiting_causes({unknown.name: answer})) == set(waits)


@pytest.mark.parametrize("lead", ["60 s", "300 s", "3600 s", "86400 s"])
def test_a_lead_that_a_release_keeps_forbids_nothing(lead: str) -> None:
    assert forbidden({"smallest_lead": lead}, NONE) == {}


@pytest.mark.parametrize(("setting", "answer", "lanes"), [
    ("after", "after", []), ("after", "before", ["usage"]), ("before", "after", ["usage"]), ("before", "before", []),
])  # fmt: skip
def test_an_answer_about_resets_that_the_setting_contradicts_forbids_usage(
    setting: Literal["after", "before"], answer: str, lanes: list[str]
) -> None:
    environment = Environment(name="test", stripe_account="acct_1", usage=UsageSettings(reset_semantics=setting))
    assert list(forbidden({"reset_point_value": answer}, environment)) == lanes


def test_a_lead_that_is_longer_than_any_release_forbids_usage() -> None:
    assert list(forbidden({"smallest_lead": "more than 86400 s"}, NONE)) == ["usage"]


@pytest.mark.parametrize(
    ("answer", "minutes"),
    [
        ("", [5, 65]),
        ("60 s", [5, 65]),
        ("300 s", [5, 65]),
        ("3600 s", [65]),
        ("86400 s", [24 * 60 + 5]),
        ("more than 1 s", [5, 65]),
    ],
)
def test_what_a_release_asks_for(answer: str, minutes: list[int]) -> None:
    assert [lead.total_seconds() / 60 for lead in leads(answer)] == minutes
