"""docs/unknowns.md and the sandbox's page name the same assumptions, and each contradiction of the sources has its row."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sandbox.resources.stripe.routes import ROUTES
from sandbox.world.state import UNKNOWNS
from tests.support import endpoints
from tests.unit.project.test_switches import PAGE, WHY_NONE

README = Path(__file__).parents[3] / "sandbox" / "README.md"
CONTRADICTIONS = [f"C{n}" for n in range(1, 13)]  # SB, "Contradictions to keep open"
WHY_NO_SWITCH = re.compile(r"\(no switch: \w[^)]+\)|`stripe\.billing`")


def cells(row: str) -> list[str]:
    return re.split(r"\s*\|\s*", row)


def rows() -> dict[str, str]:
    """Return the rows of docs/unknowns.md by their names."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return {cells(line)[1].strip("`"): line for line in lines if line.startswith("| `")}


def table_rows() -> list[str]:
    """Return the rows of the sandbox's page."""
    return [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("|")]


def evidence(row: str) -> str:
    return row.rstrip("| ").rpartition(" | ")[2]


def test_both_pages_name_the_same_assumptions() -> None:
    """A row of the sandbox's page that says assumed names rows of docs/unknowns.md; each of these stands there."""
    assumed = [evidence(row).split("assumed", 1)[1] for row in table_rows() if "assumed" in evidence(row)]
    assert {name for text in assumed for name in re.findall(r"`(\w+)`", text)} == set(rows())


def switches_of(row: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cells(row)[5])) & set(UNKNOWNS)


@pytest.mark.parametrize("name", sorted(rows()))
def test_a_row_has_a_switch_or_says_why_it_has_none(name: str) -> None:
    row = rows()[name]
    assert switches_of(row) or WHY_NO_SWITCH.search(cells(row)[5]), "write its switch, or (no switch: why)"


@pytest.mark.parametrize("contradiction", CONTRADICTIONS)
def test_a_contradiction_of_the_sources_has_a_switch_or_a_reason(contradiction: str) -> None:
    """Its row names it, and has a switch with a story, or says why none can tell its answers apart (test_switches.py)."""
    word = re.compile(rf"\b{contradiction}\b")
    found = [row for row in rows().values() if word.search(row)]
    assert found, "docs/unknowns.md does not name it"
    assert all(switches_of(row) or WHY_NONE.search(row) for row in found)
    assert any(word.search(evidence(row)) for row in table_rows()), "sandbox/README.md does not name it"


def test_each_row_that_answers_501_has_a_reason() -> None:
    """It says why the pipeline does not need it."""
    without = [
        row for row in table_rows() if "501" in row and not re.search(r"501\*\*[^|]*, because \w|because [^|]*501", row)
    ]
    assert without == []


def test_each_endpoint_that_the_pipeline_calls_is_modelled() -> None:
    modelled = {f"{route.verb.upper()} {route.path}" for route in ROUTES}
    assert sorted(endpoints.listed() - modelled) == [], "the sandbox answers them with 501"
