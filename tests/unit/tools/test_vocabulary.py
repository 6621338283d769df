"""Retired words are found where they stand, and not in expressions and files that keep them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.ratchet import RatchetError, load, ratchet, save
from tools.vocabulary import rules
from tools.vocabulary.__main__ import WORDS, main
from tools.vocabulary.search import Search

LIST = """
version = 1
retired = [
  { word = "told", instead = ["reported"], in = ["text", "names"], allowed = ["as:told apart", "in:old/**"] },
  { word = "told_until", instead = ["covered_until"], in = ["names"] },
  { word = "Result", instead = ["ExtractResult"], in = ["names"] },
  { word = "hands", instead = ["manual actions"], in = ["files", "sql"] },
  { word = "parts (module)", instead = ["partitions"], in = ["files"] },
  { word = "answer (table)", instead = ["write_answer"], in = ["sql"] },
  { word = "of ours", match = '\\bof (ours|its own)\\b', instead = ["our X"], in = ["text"] },
  { word = "opening", match = '\\A(What|How)\\b', instead = ["the noun"], in = ["opening"] },
  { word = "moment", instead = ["time"], in = ["text"], level = "warning" },
]
"""


@pytest.fixture
def search(tmp_path: Path) -> Search:
    (tmp_path / "words.toml").write_text(LIST)
    return Search(rules.load(tmp_path / "words.toml"))


def found(search: Search, path: str, source: str) -> list[tuple[int, str]]:
    return sorted((f.line, f.rule.word) for f in search.file(path, source))


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("told = 1", [(1, "told")]),
        ("class IsTold: ...", [(1, "told")]),
        ("def f(told_until: int) -> None: ...", [(1, "told_until")]),
        ("x = told", []),  # a use: the definition is where it is renamed
        ('KEY = "told_until"', [(1, "told_until")]),
        ("class Result: ...", [(1, "Result")]),
        ("class StepResult: ...", []),
        ("result = 1", []),
        ('"""Read.\n\nA thing of\nits own."""', [(3, "of ours")]),
        ('"""What it is."""', [(1, "opening")]),
        ('"""Say what it is."""', []),
        ("x = 1  # is told", [(1, "told")]),
        ("# as they are told\n# apart", []),
        ('raise E(f"{x} is told {y}")', [(1, "told")]),
        ("tolds = 1", [(1, "told")]),
        ("def test_a_page_is_told() -> None: ...", [(1, "told")]),
        ('QUERY = "select * from answer where id = 1"', [(1, "answer (table)")]),
        ('QUERY = "select answer_id from told"', []),
    ],
)
def test_words_of_python(search: Search, source: str, expected: list[tuple[int, str]]) -> None:
    assert found(search, "a/b.py", source) == expected


@pytest.mark.parametrize(
    ("path", "source", "expected"),
    [
        (
            "sql/a.sql",
            "-- What it is\nselect 1 from answer, hands_now",
            [(1, "opening"), (2, "answer (table)"), (2, "hands")],
        ),
        ("docs/a.md", "# How it works\nIt is\ntold", [(1, "opening"), (3, "told")]),
        ("web/a.html", "<p>It is told</p>", [(1, "told")]),
        ("a.toml", 'x = "one of ours"  # told', [(1, "of ours"), (1, "told")]),
        ("Makefile", "x:  ## what is told", [(1, "told")]),
        ("CHANGELOG.md", "# C\n## new\ntold\n## 0.1\ntold", [(3, "told")]),
        ("old/a.py", "told = 1", []),
        ("a.png", "told", []),
    ],
)
def test_words_of_other_files(search: Search, path: str, source: str, expected: list[tuple[int, str]]) -> None:
    assert found(search, path, source) == expected


def test_names_of_files_and_folders_count_once(search: Search) -> None:
    listed = ["a/hands/x.py", "a/hands/y.py", "a/parts.py", "a/parts_of.py", "sql/answer.sql"]
    assert [(f.path, f.rule.word) for f in search.files(listed)] == [
        ("a/hands", "hands"),
        ("a/parts.py", "parts (module)"),
        ("sql/answer.sql", "answer (table)"),
    ]


def test_an_entry_without_a_better_word_is_refused(tmp_path: Path) -> None:
    (tmp_path / "words.toml").write_text('retired = [{ word = "x", in = ["text"] }]')
    with pytest.raises(rules.VocabularyError, match="The entry 'x' needs word and instead"):
        rules.load(tmp_path / "words.toml")


def test_the_projects_list_is_readable_and_names_a_better_word_for_each() -> None:
    assert len(rules.load(WORDS).rules) > 250


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("# No answer of Stripe's.", 1),
        ("# A field of Stigg's that nobody reads", 2),
        ("# One of Stigg's reset points", 0),
        ("# The total of Stripe's preview", 0),
        ("# It is none of ours", 1),
        ('assert status == ("PENDING", "FROZEN")  # a stored reason code', 0),
        ("# It is frozen", 1),
    ],
)
def test_possessives_with_a_noun_and_stored_codes_are_no_retired_words(source: str, expected: int) -> None:
    assert len(list(Search(rules.load(WORDS)).file("tests/unit/test_x.py", source))) == expected


def test_a_baseline_may_fall_and_not_rise(tmp_path: Path) -> None:
    path = tmp_path / "baseline.toml"
    save(path, ratchet([("told", "a"), ("told", "a"), ("told", "b")], ["moment"]))
    assert load(path).risen(ratchet([("told", "b"), ("told", "b")])) == [("told", "b")]
    save(path, ratchet([("told", "b"), ("told", "b")], ["moment"]))  # a file that moved: the total fell
    with pytest.raises(RatchetError, match="moment would rise"):
        save(path, ratchet([("moment", "a")]))
    save(path, ratchet([("told", "b"), ("new", "b")], ["moment"]))  # a word that was added to the list
    assert load(path).counts == {("told", "b"): 1, ("new", "b"): 1}


def test_findings_above_the_baseline_end_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.md").write_text("It is told by nobody.\n")
    assert main(["--list", "--root", str(tmp_path)]) == 1
    assert "a.md:1: nobody -> " in capsys.readouterr().out
    (tmp_path / "a.md").write_text("It is reported.\n")
    assert main(["--root", str(tmp_path)]) == 0
