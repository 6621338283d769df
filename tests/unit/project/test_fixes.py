"""Fixes that can be taken out: each file names stories that exist and text that occurs once."""

from __future__ import annotations

import pytest

from tests.fixes.__main__ import FOLDER, ROOT, load


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.toml")))
def test_a_fix_can_be_taken_out_and_its_stories_exist(name: str) -> None:
    fix = load(FOLDER / f"{name}.toml")
    assert fix.findings and fix.stories and fix.edits
    for edit in fix.edits:
        assert (ROOT / edit.file).read_text(encoding="utf-8").count(edit.old) == 1, edit.file
    for story in fix.stories:
        file, _, test = story.partition("::")
        assert f"def {test.partition('[')[0]}(" in (ROOT / file).read_text(encoding="utf-8"), story
