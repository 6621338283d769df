"""Citations of billing rules: each ``BILLING n`` is a section of docs/billing_rules.md, whose modules and stories exist."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "billing_rules.md").read_text(encoding="utf-8")
SECTIONS = {int(part.partition(".")[0]): part for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]}
FOLDERS = ("plugins", "sandbox", "sql", "tests", "tools", "bench", "demo")
CITED = re.compile(r"\bBILLING (\d+(?:(?:, (?:and )?|-| and )\d+)*)")


def _citations() -> Iterator[tuple[str, int]]:
    """Yield (file, section) of each citation of the project's sources."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in {".py", ".sql", ".toml", ".md"}:
                for found in CITED.finditer(path.read_text(encoding="utf-8")):
                    for number in re.findall(r"\d+", found[1]):
                        yield str(path.relative_to(ROOT)), int(number)


def test_each_citation_is_a_section_of_the_page() -> None:
    cited = set(_citations())
    assert len({number for _, number in cited}) > 10, "the search finds citations"
    assert {(file, number) for file, number in cited if number not in SECTIONS} == set()


@pytest.mark.parametrize("number", range(1, 15))
def test_a_section_has_an_example_a_module_and_a_story_that_exist(number: int) -> None:
    section = SECTIONS[number]
    assert re.search(r"^Example: .*\d", section, flags=re.MULTILINE)
    modules = re.findall(r"`((?:core|domain|jobs)/[\w/]+\.py)`", section)
    assert modules and all((ROOT / "plugins" / "stripe_sync" / module).exists() for module in modules)
    ((file, story),) = re.findall(r"`(tests/scenarios/\w+\.py)::(\w+)`", section)
    assert f"def {story}(" in (ROOT / file).read_text(encoding="utf-8")
