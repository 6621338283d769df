"""The recorder of behaviour: equal runs give equal lines, a changed amount is seen, a rename on the map is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.builder import WorldBuilder
from sandbox.world.state import World, from_document
from tools.recorder.compare import Renames, compare
from tools.recorder.normal import Normal

CUSTOMER, ITEM = "cus_q7Tn3kLw0XbR5e", "ii_1q7TnSBoxAcct0kaaaaaaaa"


def world_with(id: str) -> World:
    """Return a world with one customer of ours and one invoice item."""
    world = from_document(WorldBuilder().document())
    world.stripe["customers"][id] = {"id": id, "metadata": {"stiggSyncKey": "customer:test:c-1 signature"}}
    world.stripe["invoiceitems"][ITEM] = {"id": ITEM, "customer": id, "description": "Seats", "metadata": {}}
    return world


def test_an_object_is_named_by_its_marker_and_another_by_its_owner() -> None:
    line = Normal(world_with(CUSTOMER)).line({"path": f"/v1/customers/{CUSTOMER}", "item": ITEM})
    assert json.loads(line) == {
        "item": "ii_<cus_<customer:test:c-1> Seats>",
        "path": "/v1/customers/cus_<customer:test:c-1>",
    }


def test_moments_of_the_real_clock_have_one_name_and_those_of_the_world_stay() -> None:
    normal = Normal(world_with(CUSTOMER))
    now = datetime.now(UTC)
    line = json.loads(normal.line({"at": now, "sold": "2031-11-16 09:00:00+00:00", "url": "http://127.0.0.1:4711/v1"}))
    assert line == {"at": "NOW", "sold": "2031-11-16 09:00:00+00:00", "url": "http://HOST/v1"}


def written(folder: Path, tables: dict[str, list[dict[str, Any]]]) -> Path:
    """Write a recording of one world."""
    folder.mkdir()
    lines = {name: [json.dumps(row) for row in rows] for name, rows in tables.items()}
    (folder / "demo.json").write_text(json.dumps({"requests": [], "tables": lines}))
    return folder


def test_a_changed_amount_is_a_difference_and_a_rename_on_the_map_is_none(tmp_path: Path) -> None:
    before = written(tmp_path / "before", {"drift": [{"amount": 500, "kind": "price", "why": "old words"}]})
    after = written(tmp_path / "after", {"drift_row": [{"minor_units": 500, "kind": "PRICE", "why": "new words"}]})
    other = written(tmp_path / "other", {"drift_row": [{"minor_units": 501, "kind": "PRICE", "why": "new words"}]})
    renames = Renames(
        tables={"drift_row": "drift"},
        columns={"drift": {"minor_units": "amount"}},
        values={"PRICE": "price"},
        left_out=frozenset({"drift.why"}),
    )
    assert (compare(before, after, renames).rows, compare(before, after, renames).differences) == (1, [])
    assert len(compare(before, other, renames).differences) == 3
    assert compare(before, after, Renames()).differences != []
