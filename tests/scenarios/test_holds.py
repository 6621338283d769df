"""A draft is held while anything is missing on it, and let go as soon as nothing is (BILLING 7, 9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import Fault
from stripe_sync.warehouse.usage import draft_holds
from tests.house import House
from tests.metering import DAY, HOUR, LEAD, MINUTE, cycle, ledger, lines, subscription, until
from tests.scenarios.test_grace import licensed
from tests.scenarios.test_month_end_endings import end_in_stigg, paid_to_the_end, used_to_the_end
from tests.scenarios.test_usage_rules import renewed, world
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def set_usage(house: House, mode: str) -> None:
    house.change(modes=house.environment.modes | {"usage": mode})


def stopped(house_of: Build) -> tuple[House, int]:
    """Renew 20.00 with 5 calls at 1.00; the draft waits for a person and is stopped, since its time cannot be moved. Return the renewal."""
    house = house_of(world(flat(20), usage("calls", 1)))
    house.change(hold_by_auto_advance=True)
    house.world.unknowns["finalization_moves"] = False
    set_usage(house, "propose")
    end = renewed(house, 5)
    house.usage(wakes=True)
    return house, end


def test_a_draft_that_we_stopped_is_switched_on_once_its_use_is_proven(house_of: Build) -> None:
    """``finalization_moves`` no: 20.00 and 5 calls at 1.00. Its lines waited for a person; then the stop alone is undone."""
    house, end = stopped(house_of)
    draft = cycle(house)
    assert not draft["auto_advance"]
    with house.engine.connect() as connection:
        assert draft_holds.own_stops(connection, "test") == {draft["id"]}
    set_usage(house, "enforce")
    house.later(10 * MINUTE)
    found = house.usage()
    assert (found["released"], draft["auto_advance"]) == ([draft["id"]], True)
    until(house, end + 2 * HOUR)
    house.usage()
    assert (draft["status"], draft["total"], ledger(house)) == ("open", 2500, {"billed": ("5", 500)})


def test_a_stop_that_stripe_does_not_undo_is_told_by_every_run_until_it_is_undone(house_of: Build) -> None:
    """20.00 and 5 calls at 1.00 are proven, and the draft cannot be switched on for two runs."""
    house, end = stopped(house_of)
    draft = cycle(house)
    set_usage(house, "enforce")
    for _ in range(2):
        house.world.faults.append(Fault("POST", "/v1/invoices/in_", status=400, times=1000))
        house.later(10 * MINUTE)
        found = house.usage(wakes=True)
        assert [(row["invoice"], row["amount"]) for row in found["stuck"]] == [(draft["id"], 2500)]
        house.world.faults.clear()
    house.later(10 * MINUTE)
    assert house.usage()["released"] == [draft["id"]]
    until(house, end + 2 * HOUR)
    assert (draft["status"], draft["total"]) == ("open", 2500)


@ends("short_leads_refused", yes=MINUTE + LEAD, no=HOUR)
def test_a_short_draft_whose_use_is_proven_waits_its_hour(house_of: Build, end: int) -> None:
    """20 minutes of grace: an end that comes forty minutes after the renewal still finds the draft."""
    house = house_of(world(flat(20), usage("calls", 1)))
    house.world.billing["grace_hours"] = 1 / 3
    renewal = renewed(house, 5)
    found = house.usage(wakes=True)
    assert (found["released"], lines(cycle(house))) == ([cycle(house)["id"]], [("5", 500)])
    assert cycle(house)["automatically_finalizes_at"] - renewal == end


def test_a_short_draft_without_tax_is_released_once_it_can_be_taxed(house_of: Build) -> None:
    """20.00, held for an hour, then for its tax until the deadline; its tax is good after 80 minutes."""
    house, end, id = licensed(house_of)
    house.usage(wakes=True)
    draft = cycle(house)
    assert draft["automatically_finalizes_at"] == end + MINUTE + LEAD
    draft["automatic_tax"] |= {"enabled": True, "status": "requires_location_inputs"}
    house.change(tax=True)
    house.later(25 * MINUTE)
    house.usage(wakes=True)
    assert draft["automatically_finalizes_at"] == end + DAY
    until(house, end + 80 * MINUTE)
    draft["automatic_tax"]["status"] = "complete"
    assert house.usage()["released"] == [id]
    assert draft["automatically_finalizes_at"] == end + 80 * MINUTE + LEAD


def test_a_draft_that_we_stopped_and_is_not_owed_stays_stopped(house_of: Build, metered: WorldBuilder) -> None:
    """Its end came before the renewal, and Stripe would take the switch back on: 20.00 of it are never paid."""
    house = house_of(metered)
    house.change(hold_by_auto_advance=True)
    end = paid_to_the_end(house)
    end_in_stigg(house, end - 2 * MINUTE)
    until(house, end + MINUTE)
    house.world.unknowns["finalization_moves"] = False
    house.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=1000))
    until(house, end + 40 * MINUTE)
    house.usage(wakes=True)
    assert not cycle(house)["auto_advance"], "its use could not be read"
    house.world.faults.clear()
    house.reconcile()
    assert subscription(house)["status"] == "canceled"
    house.world.unknowns |= {"finalization_moves": True, "canceled_draft_advances": True}
    for _ in range(3):
        house.later(10 * MINUTE)
        assert house.usage()["released"] == []
    assert (cycle(house)["status"], cycle(house)["auto_advance"], cycle(house)["amount_paid"]) == ("draft", False, 0)


@pytest.mark.parametrize("why", ["a limit", "propose"])
def test_a_renewal_that_was_never_sold_is_held_while_its_cancellation_waits(
    house_of: Build, metered: WorldBuilder, why: str
) -> None:
    """It ended a minute before the renewal: of 20.00 nothing is owed; the 3.33 of use before the end go on our invoice."""
    house = house_of(metered)
    end = used_to_the_end(house)
    end_in_stigg(house, end - MINUTE)
    if why == "propose":
        house.change(modes=house.environment.modes | {"subscriptions": "propose"})
    else:
        house.limit(deletes=0)
    until(house, end + 10 * MINUTE)
    house.reconcile()
    draft = cycle(house)
    found = house.usage(wakes=True)
    assert draft["automatically_finalizes_at"] == end + DAY
    assert f"{draft['id']} of" in found["pages"][0]
    assert "0.00 USD are owed before the end, 20.00 USD are not" in found["pages"][0]
    until(house, end + 3 * HOUR)
    house.usage(wakes=True)
    assert (subscription(house)["status"], draft["status"]) == ("active", "draft")
    house.change(modes=house.environment.modes | {"subscriptions": "enforce"})
    house.limit(deletes=100)
    house.reconcile()
    house.reconcile()
    assert (subscription(house)["status"], house.usage()["pages"]) == ("canceled", [])
    until(house, end + 3 * DAY)
    assert (draft["status"], draft["auto_advance"], draft["amount_paid"]) == ("draft", False, 0)


@pytest.mark.parametrize("observes", [False, True], ids=["holds", "observes"])
def test_a_renewal_without_use_that_was_never_sold_is_held_too(house_of: Build, observes: bool) -> None:
    """20.00 a month and no use. Where the usage lane observes, nothing is held, and somebody is told before it goes out."""
    house, end, id = licensed(house_of, grace_hours=1)
    end_in_stigg(house, end - MINUTE)
    house.limit(deletes=0)
    if observes:
        set_usage(house, "observe")
    house.later(9 * MINUTE)
    house.reconcile()
    (page,) = house.usage(wakes=True)["pages"]
    assert (id in page, "0.00 USD are owed before the end, 20.00 USD are not" in page) == (True, True)
    assert cycle(house)["automatically_finalizes_at"] == (end + HOUR + 1 if observes else end + DAY)


def test_a_held_renewal_is_owed_again_where_its_subscription_goes_on(house_of: Build) -> None:
    """Its end was a mistake that is taken back in Stigg while the cancellation waits: the 20.00 go out."""
    house, end, id = licensed(house_of, grace_hours=1)
    before = dict(house.stigg("subscriptions", subscriptionId="s-1"))
    end_in_stigg(house, end - MINUTE)
    house.limit(deletes=0)
    house.later(9 * MINUTE)
    house.reconcile()
    house.usage(wakes=True)
    house.stigg("subscriptions", subscriptionId="s-1").update(before)
    house.later(HOUR)
    house.reconcile()
    assert house.usage()["released"] == [id]
    house.later(LEAD + MINUTE)
    assert (cycle(house)["status"], cycle(house)["total"]) == ("open", 2000)
