"""Each switch of the sandbox has a story that ends differently under its two answers, or its row says why none does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.world.state import UNKNOWNS
from tests.support.switches import ends, stories

TESTS = Path(__file__).parents[2]
PAGE = Path(__file__).parents[3] / "docs" / "unknowns.md"
WHY_NONE = re.compile(r"No story ends differently, because \w[^.|]+\.")


def row_of(switch: str) -> str:
    """Return the row of the page whose column about the sandbox names a switch."""
    rows = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    found = [row for row in rows if f"`{switch}`" in re.split(r"\s*\|\s*", row)[5]]
    assert len(found) == 1, f"docs/unknowns.md has {len(found)} rows about {switch}"
    return found[0]


@pytest.mark.parametrize("switch", sorted(UNKNOWNS))
def test_a_switch_has_a_story_or_a_reason_why_none(switch: str) -> None:
    names = [story.name for story in stories() if story.switch == switch]
    why = WHY_NONE.search(row_of(switch))
    assert names or why, f'write a story under @ends("{switch}", ...), or why none in docs/unknowns.md'
    assert not (names and why), f"{names} ends differently: take the sentence out of docs/unknowns.md"


@pytest.mark.parametrize("switch", sorted(UNKNOWNS))
def test_a_reason_names_a_test_that_knows_both_answers(switch: str) -> None:
    """A test outside of the stories shows that the sandbox does differ; and it exists."""
    _, why, reason = row_of(switch).partition("No story ends differently, because ")
    files = {path.name: path for path in TESTS.rglob("test_*.py")}
    named = re.findall(r"test_\w+\.py", reason)
    assert [name for name in named if name not in files] == []
    found = [path for name in named for path in TESTS.rglob(name) if switch in path.read_text(encoding="utf-8")]
    assert found or not why, f"name the test of both answers of {switch} in docs/unknowns.md"


def test_each_story_asserts_its_end() -> None:
    found = list(stories())
    assert found
    assert [story.name for story in found if not story.asserts] == []


def test_a_story_with_one_end_or_an_unknown_switch_is_refused() -> None:
    with pytest.raises(ValueError, match="ends alike"):
        ends("item_ties_up", yes=1, no=1)
    with pytest.raises(ValueError, match="no switch"):
        ends("item_ties_sideways", yes=1, no=2)
