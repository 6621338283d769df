"""Drafts that wait: for proof, for a person, by hand; and use that nobody bills (BILLING 9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat, usage
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.runtime import approvals
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.usage import manual_actions
from tests.house import House
from tests.metering import HOUR, LEAD, MINUTE, cycle, ledger, lines, until
from tests.scenarios.test_usage_rules import renewed, world
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def test_observe_writes_nothing_and_holds_nothing(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1)))
    house.change(modes=house.environment.modes | {"usage": "observe"})
    renewed(house, 5)
    writes = house.writes()
    assert house.usage()["held"] == []
    assert house.writes() == writes


@pytest.mark.parametrize("why", ["propose", "a limit"])
def test_what_waits_for_a_person_is_held_and_goes_out_once_it_is_approved(house_of: Build, why: str) -> None:
    house = house_of(world(flat(20), usage("calls", 1)))
    if why == "propose":
        house.change(modes=house.environment.modes | {"usage": "propose"})
    else:
        house.limit(usage={"usd": "4"})
    end = renewed(house, 5)
    found = house.usage()
    draft = cycle(house)
    assert (lines(draft), found["held"]) == ([], [draft["id"]])
    session = house.session()
    with house.engine.connect() as connection:
        hash = connection.execute(text("select hash from approval where lane = 'usage'")).scalar_one()
    approvals.approve(session, hash, Hand("ann", "it is right"))
    session.close()
    house.later(10 * MINUTE)
    assert house.usage()["released"] == [draft["id"]]
    assert lines(cycle(house)) == [("5", 500)]
    until(house, end + 2 * HOUR)
    house.usage()
    assert ledger(house) == {"billed": ("5", 500)}


@ends("short_leads_refused", yes=("65 minutes from now", "draft"), no=("its own time", "open"))
def test_a_released_draft_goes_out_at_the_first_time_that_stripe_takes(house_of: Build, end: tuple[str, str]) -> None:
    """A limit held the draft; ten minutes later a person agrees, and its own time is 49 minutes ahead (SB 6.2)."""
    house = house_of(world(flat(20), usage("calls", 1)))
    house.limit(usage={"usd": "4"})
    renewal = renewed(house, 5)
    held = house.usage()["held"]
    with house.engine.connect() as connection:
        hash = connection.execute(text("select hash from approval where lane = 'usage'")).scalar_one()
    session = house.session()
    approvals.approve(session, hash, Hand("ann", "it is right"))
    session.close()
    house.later(10 * MINUTE)
    now = house.world.now
    assert house.usage()["released"] == held
    moment = cycle(house)["automatically_finalizes_at"]
    found = {renewal + HOUR + 1: "its own time", now + LEAD: "65 minutes from now"}[moment]
    until(house, renewal + 70 * MINUTE)
    assert (found, cycle(house)["status"]) == end
    until(house, renewal + 2 * HOUR)
    house.usage()
    assert (lines(cycle(house)), ledger(house)) == ([("5", 500)], {"billed": ("5", 500)})


@ends("finalization_moves", yes=24 * HOUR, no=HOUR)
def test_a_draft_without_proof_waits_a_day_where_its_finalization_can_be_moved(house_of: Build, end: int) -> None:
    """Nobody said how the use is counted: the draft of 20.00 waits until somebody does, or goes out after its hour."""
    house = house_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    renewal = renewed(house, 5)
    house.usage()
    assert cycle(house)["automatically_finalizes_at"] - renewal in (end, end + 1)
    until(house, renewal + 2 * HOUR)
    assert cycle(house)["status"] == ("draft" if end > HOUR else "open")


def test_where_finalization_cannot_be_moved_it_is_switched_off_only_if_that_is_allowed(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    house.world.unknowns["finalization_moves"] = False
    end = renewed(house, 5)
    house.usage()
    assert cycle(house)["auto_advance"], "not allowed"
    house.change(hold_by_auto_advance=True)
    house.later(10 * MINUTE)
    found = house.usage(wakes=True)
    assert "auto_advance off" in found["pages"][0]
    assert not cycle(house)["auto_advance"]
    until(house, end + 2 * HOUR)
    assert "auto_advance off" in house.usage(wakes=True)["pages"][0], "on every run until undone"


def test_a_draft_that_a_person_holds_is_left_alone(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    renewed(house, 5)
    house.stripe().v1.invoices.update(cycle(house)["id"], {"auto_advance": False})
    found = house.usage(wakes=True)
    assert found["held"] == []
    assert "nothing finalizes, its auto_advance is off" in found["pages"][-1], "it is said, and left alone"
    assert cycle(house)["auto_advance"] is False


def test_a_draft_without_proof_close_to_its_finalization_wakes_somebody(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    end = renewed(house, 5)
    house.usage()
    until(house, end + 24 * HOUR - 15 * MINUTE)
    house.reconcile()
    found = house.usage(wakes=True)
    assert "is finalized at" in found["pages"][0]
    assert "usage_aggregation" in found["pages"][0], "why, and the way out"


def test_holding_and_releasing_by_hand(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1)))
    end = renewed(house, 5)
    house.usage()
    draft = cycle(house)["id"]
    session = house.session()
    manual_actions.hold(session, draft, Hand("ann", "look first"))
    assert cycle(house)["automatically_finalizes_at"] == end + 24 * HOUR
    until(house, end + 2 * HOUR)
    house.usage()
    assert cycle(house)["automatically_finalizes_at"] == end + 24 * HOUR, (
        "the pipeline does not release what a person holds"
    )
    manual_actions.release(session, draft, Hand("ann", "looked"))
    assert cycle(house)["automatically_finalizes_at"] == house.world.now + LEAD
    for wrong in (
        "in_unknown",
        next(i["id"] for i in house.objects("invoices") if i["billing_reason"] != "subscription_cycle"),
    ):
        with pytest.raises(ConfigurationError):
            manual_actions.hold(session, wrong, Hand("ann", "why not"))
    with pytest.raises(ConfigurationError, match="no row"):
        manual_actions.waive(session, "first", Hand("ann", "why not"))
    session.close()


def test_a_person_holds_a_draft_whose_deadline_is_too_near_for_stripe(house_of: Build) -> None:
    """hold_hours = 1: the deadline is 50 minutes ahead, which Stripe refuses; the draft waits 65 minutes."""
    house = house_of(world(flat(20), usage("calls", 1)))
    house.change(hold_hours=1)
    end = renewed(house, 5)
    house.usage()
    until(house, end + 10 * MINUTE)
    session = house.session()
    answer = manual_actions.hold(session, cycle(house)["id"], Hand("ann", "look first"))
    session.close()
    assert cycle(house)["automatically_finalizes_at"] == house.world.now + LEAD
    assert "is finalized at" in answer


def test_a_waived_row_goes_off_its_draft(house_of: Build) -> None:
    house = house_of(world(flat(20), usage("calls", 1)))
    end = renewed(house, 5)
    house.usage()
    session = house.session()
    manual_actions.waive(session, "1", Hand("ann", "a gift"))
    session.close()
    until(house, end + 45 * MINUTE)
    house.usage()
    assert lines(cycle(house)) == []
    assert ledger(house) == {"waived": ("5", 500)}
