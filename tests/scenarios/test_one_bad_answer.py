"""One bad answer never ends a run: it is asked for again (R19, R20)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync import deadlines
from tests.house import House

Build = Callable[[WorldBuilder], House]


@pytest.mark.parametrize(
    ("method", "path", "how"),
    [
        ("GET", "/v1/prices", {"kind": "html"}),
        ("POST", "/v1/customers", {"kind": "html"}),
        ("STIGG", "Customers", {"kind": "html"}),
        ("STIGG", "Customers", {"status": 409}),
    ],
)
def test_a_page_instead_of_an_answer_and_a_409_without_a_code_are_asked_for_again(
    house_of: Build, town: WorldBuilder, method: str, path: str, how: dict[str, object]
) -> None:
    """R20: a proxy's page with status 200, on both APIs; the write is sent again under its key and made once."""
    house = house_of(town)
    house.world.faults.append(Fault(method, path, **how))  # type: ignore[arg-type]
    house.reconcile()
    assert house.world.faults == []
    assert {house.status(f"s-{n}") for n in (1, 2, 3)} == {("SUCCESS", "")}
    assert len(house.objects("customers")) == 3


def test_an_answer_that_trickles_in_is_asked_for_again(
    house_of: Build, town: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R19: a byte each second keeps every read busy; the request's own deadline ends it."""
    house = house_of(town)
    monkeypatch.setattr(deadlines, "SECONDS", 5.0)
    house.world.faults.append(Fault("GET", "/v1/prices", kind="trickle", seconds=1.0))
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
