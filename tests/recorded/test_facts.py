"""Every fact is covered by a scenario or a test, or has a reason why not."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from tests.recorded.mentions import REGISTER, TESTS, named_by_tests, named_in
from tests.support import endpoints

FACTS = tomllib.loads(REGISTER.read_text(encoding="utf-8"))
README = TESTS.parent / "sandbox" / "README.md"
UNKNOWNS = TESTS.parent / "docs" / "unknowns.md"


def rows() -> list[str]:
    """Return every fact of the register, in order."""
    counted = [f"{kind} {n}" for kind in ("FACTS_A", "FACTS_B") for n in range(1, FACTS["rows"][kind] + 1)]
    sections = [f"SB {section}.{n}" for section, last in FACTS["rows"]["SB"].items() for n in range(1, last + 1)]
    return counted + sections


def section(row: str) -> str:
    return row.split(".")[0] if row.startswith("SB") else row.split(" ")[0]


def test_every_row_is_covered_or_has_a_reason() -> None:
    """The counts by section are what the report of a release shows."""
    named, counts = named_by_tests(), Counter[tuple[str, str]]()
    open_rows = []
    for row in rows():
        states = [s for s in ("covered", "uncalled", "not_modelled") if row in FACTS[s]]
        state = "covered" if row in named or "covered" in states else states[0] if states else "open"
        counts[section(row), state] += 1
        open_rows += [row] if state == "open" else []
    for name in dict.fromkeys(section(row) for row in rows()):
        reported = {s: counts[name, s] for s in ("covered", "uncalled", "not_modelled") if counts[name, s]}
        print(f"{name}: " + ", ".join(f"{number} {state}" for state, number in reported.items()))
    assert open_rows == [], "name them in a scenario or a test, or say in facts.toml why not"


def test_no_row_stands_twice_or_is_unknown() -> None:
    listed = [row for state in ("covered", "uncalled", "not_modelled") for row in FACTS[state]]
    assert sorted(listed) == sorted(set(listed))
    assert set(listed) <= set(rows())


def test_what_is_covered_by_now_has_no_reason_any_more() -> None:
    named = named_by_tests()
    stale = [row for state in ("uncalled", "not_modelled") for row in FACTS[state] if row in named]
    assert stale == [], "a test names them: take them out of facts.toml"


@pytest.mark.parametrize("test", sorted(set(FACTS["covered"].values())))
def test_the_test_that_covers_a_row_is_there(test: str) -> None:
    file, _, name = test.partition("::")
    text = (TESTS.parent / file).read_text(encoding="utf-8")
    assert not name or f"def {name}(" in text, test


def test_no_row_of_an_endpoint_that_the_pipeline_calls_is_left_out_as_uncalled() -> None:
    assert set(FACTS["uncalled"].values()) & endpoints.listed() == set()


def test_what_is_not_modelled_has_a_reason() -> None:
    """In the register, and in each row of the sandbox's page."""
    assert [row for row, reason in FACTS["not_modelled"].items() if len(reason.split()) < 3] == []
    rows = [line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    assert [line for line in rows if "not modelled" in re.sub(r"not modelled, because \w", "", line)] == []


def test_every_reason_stands_in_the_sandboxs_page() -> None:
    page = " ".join(README.read_text(encoding="utf-8").split())
    for row, reason in FACTS["not_modelled"].items():
        line = f"not modelled, because {reason}"
        assert line in page, row
        reported = page.split(line, 1)[1].split(" - not modelled", 1)[0]
        assert row in named_in(reported), f"{row}: the page names other rows for this reason"


def test_what_the_sandboxs_page_assumes_is_a_row_of_the_unknowns() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", UNKNOWNS.read_text(encoding="utf-8"), re.MULTILINE))
    assumed = [
        line for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("|") and "assumed" in line
    ]
    assert assumed
    for line in assumed:
        evidence = line.rstrip("| ").rsplit(" | ", 1)[1]
        assert set(re.findall(r"`(\w+)`", evidence)) & rows, line


EVIDENCE = re.compile(r"recorded[^|(]*\((?:SB|FACTS)|documented[^|(]*\(`?\w|assumed[^|(]*\(`\w")


def test_each_row_of_the_sandboxs_page_names_its_evidence() -> None:
    """Recorded with a fact, documented with the place, or assumed with the row of the unknowns."""
    page = README.read_text(encoding="utf-8").split("## Behaviour of Stripe")[1]
    tables = re.findall(
        r"^\| (?:Stripe|Stigg) \| the sandbox \| evidence \|\n\|---.*\n((?:\|.*\n)+)", page, re.MULTILINE
    )
    assert len(tables) == 3
    rows = [row for table in tables for row in table.splitlines()]
    assert [row for row in rows if not EVIDENCE.search(row.rstrip("| ").rsplit("|", 1)[1])] == []


def test_the_list_of_endpoints_is_in_order_and_of_stripes_own() -> None:
    lines = [line for line in endpoints.LIST.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert lines == sorted(set(lines))
    for line in lines:
        verb, path = line.split(" ")
        assert endpoints.template(verb.lower(), path) == path, line


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        ("as FACTS_A 81 says", {"FACTS_A 81"}),
        ("FACTS_A 97, 98 and FACTS_B 9", {"FACTS_A 97", "FACTS_A 98", "FACTS_B 9"}),
        ("FACTS_B 42-45", {"FACTS_B 42", "FACTS_B 43", "FACTS_B 44", "FACTS_B 45"}),
        ("FACTS_B 1-54", {"FACTS_B 1"}),
        ("SB 2.1 and 2.2", {"SB 2.1", "SB 2.2"}),
        ("SB 17.2-17.4", {"SB 17.2", "SB 17.3", "SB 17.4"}),
        ("SB 4.6, 30 days", {"SB 4.6"}),
    ],
)
def test_facts_are_read_out_of_texts(text: str, facts: set[str]) -> None:
    assert named_in(text) == facts


def test_reading_facts_skips_what_is_not_there() -> None:
    assert Path(REGISTER).is_file()
    assert named_in("FACTS 3, SB2.1, FACTS_C 4") == set()
