"""The drift report: its figures tie, it shows no personal data, and no cell can become a formula."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from decimal import Decimal

from sqlalchemy import text

from sandbox.builder import WorldBuilder
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
HOSTILE = '=HYPERLINK("http://evil.test","x")<script>alert(\'x\')</script>'


def test_the_figures_tie_with_the_same_question_asked_by_hand(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(modes={})
    harness.reconcile("the-run")
    folder = harness.folder / "reports" / "test" / "last-run"
    summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"), parse_float=Decimal)
    rows = list(csv.DictReader(io.StringIO((folder / "drift.csv").read_text(encoding="utf-8"))))
    with harness.engine.connect() as connection:
        by_hand = connection.execute(text("select count(*) from stripe_sync.drift")).scalar()
    assert summary["differences"] == len(rows) == by_hand == 14
    assert summary["planned_actions"] == summary["waiting_actions"] == 17
    assert summary["per_month_minor"] == [
        {"kind": "subscription", "state": "missing", "currency": "usd", "per_month_minor": "10500.00", "differences": 3}
    ], "three base fees of 20.00 and 2 + 3 + 4 seats at 5.00"
    assert summary["statuses"]["subscription"] == {"PENDING": 3}


def test_a_hostile_name_is_harmless_and_nobodys_data_are_shown(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["customers"][0]["name"] = HOSTILE
    small_world.stigg["plans"][0]["displayName"] = HOSTILE
    harness = harness_of(small_world)
    harness.reconcile()
    folder = harness.folder / "reports" / "test" / "last-run"
    html = (folder / "index.html").read_text(encoding="utf-8")
    assert "<script>alert" not in html
    assert not any(reference in html for reference in (" src=", " href=", "url(", "@import")), (
        "it opens without a network"
    )
    for row in csv.reader(io.StringIO((folder / "drift.csv").read_text(encoding="utf-8"))):
        assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row)
    book = zipfile.ZipFile(folder / "drift.xlsx")
    sheets = [book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/")]
    assert len(sheets) == 8
    assert not any("<f>" in sheet for sheet in sheets)
    strings = "".join(book.read(name).decode() for name in book.namelist())
    assert "customer:test:c-2" in strings
    for shown in (html, strings, (folder / "drift.csv").read_text(encoding="utf-8")):
        assert "c1@example.test" not in shown
        assert "Customer 2" not in shown
