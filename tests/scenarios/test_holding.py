"""Drafts that wait: for proof, for a person, by hand; and use that nobody bills (BILLING 9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat, usage
from stripe_sync.core.errors import ConfigurationError
from stripe_sync.jobs.runtime import approvals
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.usage import manual_actions
from tests.scenarios.test_usage_rules import renewed, world
from tests.support.harness import Harness
from tests.support.metering import HOUR, LEAD, MINUTE, cycle, ledger, lines, until
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def test_observe_writes_nothing_and_holds_nothing(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.change(modes=harness.environment.modes | {"usage": "observe"})
    renewed(harness, 5)
    writes = harness.writes()
    assert harness.usage()["held"] == []
    assert harness.writes() == writes


@pytest.mark.parametrize("why", ["propose", "a limit"])
def test_what_waits_for_a_person_is_held_and_goes_out_once_it_is_approved(harness_of: Build, why: str) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    if why == "propose":
        harness.change(modes=harness.environment.modes | {"usage": "propose"})
    else:
        harness.limit(usage={"usd": "4"})
    end = renewed(harness, 5)
    found = harness.usage()
    draft = cycle(harness)
    assert (lines(draft), found["held"]) == ([], [draft["id"]])
    session = harness.session()
    with harness.engine.connect() as connection:
        hash = connection.execute(text("select hash from stripe_sync.approval where lane = 'usage'")).scalar_one()
    approvals.approve(session, hash, Operator("ann", "it is right"))
    session.close()
    harness.later(10 * MINUTE)
    assert harness.usage()["released"] == [draft["id"]]
    assert lines(cycle(harness)) == [("5", 500)]
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("5", 500)}


@ends("short_leads_refused", yes=("65 minutes from now", "draft"), no=("its own time", "open"))
def test_a_released_draft_goes_out_at_the_first_time_that_stripe_takes(harness_of: Build, end: tuple[str, str]) -> None:
    """A limit held the draft; ten minutes later a person agrees, and its own time is 49 minutes ahead (SB 6.2)."""
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.limit(usage={"usd": "4"})
    renewal = renewed(harness, 5)
    held = harness.usage()["held"]
    with harness.engine.connect() as connection:
        hash = connection.execute(text("select hash from stripe_sync.approval where lane = 'usage'")).scalar_one()
    session = harness.session()
    approvals.approve(session, hash, Operator("ann", "it is right"))
    session.close()
    harness.later(10 * MINUTE)
    now = harness.world.now
    assert harness.usage()["released"] == held
    moment = cycle(harness)["automatically_finalizes_at"]
    found = {renewal + HOUR + 1: "its own time", now + LEAD: "65 minutes from now"}[moment]
    until(harness, renewal + 70 * MINUTE)
    assert (found, cycle(harness)["status"]) == end
    until(harness, renewal + 2 * HOUR)
    harness.usage()
    assert (lines(cycle(harness)), ledger(harness)) == ([("5", 500)], {"billed": ("5", 500)})


@ends("finalization_moves", yes=24 * HOUR, no=HOUR)
def test_a_draft_without_proof_waits_a_day_where_its_finalization_can_be_moved(harness_of: Build, end: int) -> None:
    """Nobody said how the use is counted: the draft of 20.00 waits until somebody does, or goes out after its hour."""
    harness = harness_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    renewal = renewed(harness, 5)
    harness.usage()
    assert cycle(harness)["automatically_finalizes_at"] - renewal in (end, end + 1)
    until(harness, renewal + 2 * HOUR)
    assert cycle(harness)["status"] == ("draft" if end > HOUR else "open")


def test_where_finalization_cannot_be_moved_it_is_switched_off_only_if_that_is_allowed(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    harness.world.unknowns["finalization_moves"] = False
    end = renewed(harness, 5)
    harness.usage()
    assert cycle(harness)["auto_advance"], "not allowed"
    harness.change(usage={"hold_by_auto_advance": True})
    harness.later(10 * MINUTE)
    found = harness.usage(alerts=True)
    assert "auto_advance off" in found["pages"][0]
    assert not cycle(harness)["auto_advance"]
    until(harness, end + 2 * HOUR)
    assert "auto_advance off" in harness.usage(alerts=True)["pages"][0], "on every run until undone"


def test_a_draft_that_a_person_holds_is_left_alone(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    renewed(harness, 5)
    harness.stripe().v1.invoices.update(cycle(harness)["id"], {"auto_advance": False})
    found = harness.usage(alerts=True)
    assert found["held"] == []
    assert "nothing finalizes, its auto_advance is off" in found["pages"][-1], "it is said, and left alone"
    assert cycle(harness)["auto_advance"] is False


def test_a_draft_without_proof_close_to_its_finalization_wakes_somebody(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    end = renewed(harness, 5)
    harness.usage()
    until(harness, end + 24 * HOUR - 15 * MINUTE)
    harness.reconcile()
    found = harness.usage(alerts=True)
    assert "is finalized at" in found["pages"][0]
    assert "usage.aggregation" in found["pages"][0], "why, and the way out"


def test_holding_and_releasing_by_hand(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    end = renewed(harness, 5)
    harness.usage()
    draft = cycle(harness)["id"]
    session = harness.session()
    manual_actions.hold(session, draft, Operator("ann", "look first"))
    assert cycle(harness)["automatically_finalizes_at"] == end + 24 * HOUR
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert cycle(harness)["automatically_finalizes_at"] == end + 24 * HOUR, (
        "the pipeline does not release what a person holds"
    )
    manual_actions.release(session, draft, Operator("ann", "looked"))
    assert cycle(harness)["automatically_finalizes_at"] == harness.world.now + LEAD
    for wrong in (
        "in_unknown",
        next(i["id"] for i in harness.objects("invoices") if i["billing_reason"] != "subscription_cycle"),
    ):
        with pytest.raises(ConfigurationError):
            manual_actions.hold(session, wrong, Operator("ann", "why not"))
    with pytest.raises(ConfigurationError, match="no row"):
        manual_actions.waive(session, "first", Operator("ann", "why not"))
    session.close()


def test_a_person_holds_a_draft_whose_deadline_is_too_near_for_stripe(harness_of: Build) -> None:
    """hold_hours = 1: the deadline is 50 minutes ahead, which Stripe refuses; the draft waits 65 minutes."""
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.change(usage={"hold_hours": 1})
    end = renewed(harness, 5)
    harness.usage()
    until(harness, end + 10 * MINUTE)
    session = harness.session()
    answer = manual_actions.hold(session, cycle(harness)["id"], Operator("ann", "look first"))
    session.close()
    assert cycle(harness)["automatically_finalizes_at"] == harness.world.now + LEAD
    assert "is finalized at" in answer


def test_a_waived_row_goes_off_its_draft(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    end = renewed(harness, 5)
    harness.usage()
    session = harness.session()
    manual_actions.waive(session, "1", Operator("ann", "a gift"))
    session.close()
    until(harness, end + 45 * MINUTE)
    harness.usage()
    assert lines(cycle(harness)) == []
    assert ledger(harness) == {"waived": ("5", 500)}
