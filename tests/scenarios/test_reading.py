"""A read of everything that is interrupted goes on where it was, in the same run and in no other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import Transient
from stripe_sync.jobs.reconcile.steps.extract import extract_stripe
from tests.house import House

Build = Callable[[WorldBuilder], House]


def rooms(house: House) -> int:
    """How many rooms of unfinished extracts there are."""
    with house.engine.connect() as connection:
        found = connection.execute(text("select count(*) from pg_namespace where starts_with(nspname, 'landing_')"))
        return int(found.scalar_one())


def broken_off(house: House, id: str) -> None:
    """A whole read that fails when the subscriptions are its turn."""
    house.attempts = 1
    fault = Fault("GET", "/v1/subscriptions", status=500, times=100)
    house.world.faults.append(fault)
    session = house.session()
    with pytest.raises(Transient):
        extract_stripe(session, house.run(session, id, full=True))
    session.close()
    house.world.faults.remove(fault)


def asked(house: House) -> list[str]:
    return [r.path for r in house.world.requests if r.side == "stripe" and r.method == "GET"]


def read(house: House, id: str) -> dict[str, int]:
    house.world.requests.clear()
    session = house.session()
    found = extract_stripe(session, house.run(session, id, full=True))
    session.close()
    counts: dict[str, int] = found["counts"]
    return counts


def test_an_interrupted_read_goes_on_in_its_run(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(readers=1)
    house.reconcile()
    whole = read(house, "whole")
    everything = asked(house)
    broken_off(house, "broken")
    assert rooms(house) == 1
    assert read(house, "broken") == whole
    assert "/v1/customers" not in asked(house), "what was read whole is not read again"
    assert "/v1/subscriptions" in asked(house)
    assert len(asked(house)) < len(everything)
    assert rooms(house) == 0
    assert house.plan().plan.actions == []


def test_another_run_begins_anew_and_clears_away(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(readers=1)
    house.reconcile()
    whole = read(house, "whole")
    broken_off(house, "broken")
    assert read(house, "another") == whole
    assert {"/v1/customers", "/v1/products", "/v1/prices"} <= set(asked(house))
    assert rooms(house) == 0
