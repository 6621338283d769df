"""Renewal drafts whose tax Stripe cannot compute: held before they go out untaxed, listed, and told (BILLING 9, SB 17.2, 21.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.usage import manual_actions
from stripe_sync.warehouse.comparisons import statuses
from tests.house import House
from tests.metering import HOUR, LEAD, MINUTE, cycle, lines, metered_world, period_end, subscription, until, use
from tests.scenarios.test_tax import live_in_berlin, taxed

Build = Callable[[WorldBuilder], House]
LIMIT = 24 * HOUR  # hold_hours


def homeless(house: House) -> None:
    """Take every customer's address away, as people do in the Dashboard."""
    for customer in house.objects("customers"):
        house.stripe().v1.customers.update(customer["id"], {"address": ""})


def without_usage(world: WorldBuilder) -> None:
    """Sell the plan for 20.00 a month alone."""
    world.plan("pro", "Pro", [flat(20)], version=2)
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "pro")


def renewed_without_location(house_of: Build, used: float, *, finalizes: bool = True) -> tuple[House, int]:
    """Return a house on its first renewal, a minute old, without a location, and the renewal's moment.

    Of 20.00 a month, and ``used`` calls of 0.27 cents; without any the plan has none.
    """
    house, end = without_location(house_of, used, finalizes=finalizes)
    until(house, end + MINUTE)
    return house, end


def without_location(house_of: Build, used: float, *, finalizes: bool = True) -> tuple[House, int]:
    """Return the house three minutes before that renewal."""
    world = metered_world()
    if not used:
        without_usage(world)
    house = house_of(world)
    house.world.unknowns["missing_location_finalizes"] = finalizes
    taxed(house)
    house.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(house)
    house.reconcile()
    end = period_end(house)
    until(house, end - 3 * MINUTE)
    house.reconcile()
    homeless(house)
    if used:
        use(house, used, end - 2 * MINUTE)
    return house, end


def row(found: dict[str, Any]) -> dict[str, Any]:
    (only,) = found["stuck"]
    return dict(only)


@pytest.mark.parametrize("finalizes", [True, False])
@pytest.mark.parametrize(("used", "total"), [(1234, 2333), (0, 2000)])
def test_it_is_held_until_its_location_is_good(house_of: Build, used: float, total: int, finalizes: bool) -> None:
    """C5, both answers: 20.00, and 1234 x 0.27 cents are 3.33; proven or not, it waits for the address, and is taxed then."""
    house, end = renewed_without_location(house_of, used, finalizes=finalizes)
    found = house.usage(wakes=True)
    draft = cycle(house)
    assert draft["automatically_finalizes_at"] == end + LIMIT
    assert (row(found)["invoice"], row(found)["amount"], row(found)["status"]) == (draft["id"], total, "draft")
    (page,) = found["pages"]
    assert (
        f"{draft['id']} of {subscription(house)['id']} is a draft of {total / 100:.2f} USD that Stripe cannot tax"
        in page
    )
    until(house, end + 2 * HOUR)
    assert house.usage(wakes=True)["released"] == [], "that its usage is proven does not release it"
    assert lines(cycle(house)) == ([("1234", 333)] if used else [])
    live_in_berlin(house)
    assert house.usage()["stuck"] == []
    assert cycle(house)["automatically_finalizes_at"] == house.world.now + LEAD
    house.later(LEAD + MINUTE)
    final = cycle(house)
    assert (final["status"], final["total"], final["automatic_tax"]["enabled"]) == ("open", total, True)
    assert subscription(house)["automatic_tax"]["enabled"], "Stripe never switched it off"
    assert house.usage()["stuck"] == []


@pytest.mark.parametrize("finalizes", [True, False])
def test_when_the_hold_is_over_it_is_listed_as_what_it_became(house_of: Build, finalizes: bool) -> None:
    """C5: after hold_hours it goes out untaxed and is the subscription's error; or its finalization fails, and it stays."""
    house, end = renewed_without_location(house_of, 0, finalizes=finalizes)
    house.usage(wakes=True)
    until(house, end + LIMIT + MINUTE)
    draft = cycle(house)
    assert (draft["status"], draft["automatic_tax"]["enabled"]) == (("open", False) if finalizes else ("draft", True))
    house.reconcile()
    assert house.status("s-1") == ("ERROR", "TAX_LOCATION")
    (told,) = statuses.find(house.engine, "test", "s-1")
    assert (f"Without tax: {draft['id']} (20.00 USD)" in told.detail) == finalizes
    if finalizes:
        assert house.usage()["stuck"] == []
    else:
        assert row(house.usage(wakes=True))["why"] == "could not be finalized (customer_tax_location_invalid)"


def test_a_person_may_let_it_go_untaxed(house_of: Build) -> None:
    """The release by hand is kept with who did it, and no later run holds the draft again."""
    house, end = renewed_without_location(house_of, 1234)
    house.usage(wakes=True)
    session = house.session()
    manual_actions.release(session, cycle(house)["id"], Hand("ann", "Not taxable there."))
    session.close()
    assert cycle(house)["automatically_finalizes_at"] == end + MINUTE + LEAD
    house.later(10 * MINUTE)
    found = house.usage()
    assert (found["stuck"], cycle(house)["automatically_finalizes_at"]) == ([], end + MINUTE + LEAD)
    until(house, end + 2 * HOUR)
    assert (cycle(house)["status"], cycle(house)["total"]) == ("open", 2333)


def test_a_calculation_that_failed_holds_it_as_well(house_of: Build) -> None:
    """SB 17.7: the status ``failed``, whatever the address is."""
    house, end = renewed_without_location(house_of, 0)
    live_in_berlin(house)
    cycle(house)["automatic_tax"]["status"] = "failed"
    assert "automatic_tax.status failed" in row(house.usage(wakes=True))["why"]
    assert cycle(house)["automatically_finalizes_at"] == end + LIMIT


def test_one_that_a_person_stopped_stays_stopped(house_of: Build) -> None:
    """BILLING 9: a hold is made only on a draft that is on; this one is listed as never finalized."""
    house, _ = renewed_without_location(house_of, 0)
    house.stripe().v1.invoices.update(cycle(house)["id"], {"auto_advance": False})
    assert row(house.usage(wakes=True))["why"] == "nothing finalizes, its auto_advance is off"
    live_in_berlin(house)
    house.usage(wakes=True)
    assert not cycle(house)["auto_advance"]


def test_where_stripe_moves_no_time_it_is_stopped_and_switched_on_without_one(house_of: Build) -> None:
    """``finalization_moves`` no, with hold_by_auto_advance: Stripe takes no time back either, so the stop alone is undone."""
    house, end = renewed_without_location(house_of, 0)
    house.world.unknowns["finalization_moves"] = False
    house.change(hold_by_auto_advance=True)
    assert "is held until you release it" in row(house.usage(wakes=True))["way"]
    until(house, end + 2 * HOUR)
    assert (cycle(house)["status"], cycle(house)["auto_advance"]) == ("draft", False)
    live_in_berlin(house)
    found = house.usage()
    assert (found["stuck"], found["released"]) == ([], [cycle(house)["id"]])
    house.later(1)
    assert (cycle(house)["status"], cycle(house)["total"]) == ("open", 2000)


def test_use_that_is_not_proven_keeps_it_although_its_location_is_good(house_of: Build) -> None:
    """A draft waits for both: its lines wait for a person (propose), then its location is good, then they are approved."""
    house, end = renewed_without_location(house_of, 1234)
    house.change(modes=house.environment.modes | {"usage": "propose"})
    house.usage(wakes=True)
    live_in_berlin(house)
    until(house, end + 2 * HOUR)
    house.usage()
    assert cycle(house)["automatically_finalizes_at"] == end + LIMIT
    house.change(modes=house.environment.modes | {"usage": "enforce"})
    house.usage()
    assert cycle(house)["automatically_finalizes_at"] == house.world.now + LEAD
    assert (lines(cycle(house)), cycle(house)["total"]) == ([("1234", 333)], 2333)


def test_the_proof_of_its_use_does_not_release_it(house_of: Build) -> None:
    """Its lines waited for a person; when they are proven the draft is not released for a moment, as its tax is not known."""
    house, end = renewed_without_location(house_of, 1234)
    house.change(modes=house.environment.modes | {"usage": "propose"})
    house.usage(wakes=True)
    house.change(modes=house.environment.modes | {"usage": "enforce"})
    house.later(MINUTE)
    found = house.usage(wakes=True)
    assert (found["proven"], found["released"]) == (1, [])
    assert cycle(house)["automatically_finalizes_at"] == end + LIMIT


def test_what_was_adopted_with_automatic_tax_is_held_as_well(house_of: Build) -> None:
    """Without ``tax`` Stripe goes on taxing what it taxed: 20.00, read a minute before the renewal and 58 minutes after it."""
    house, end = without_location(house_of, 0)
    house.change(tax=False)
    until(house, end - MINUTE)
    assert house.usage()["stuck"] == []
    until(house, end + 58 * MINUTE)
    draft = cycle(house)
    assert draft["automatic_tax"]["enabled"]
    found = house.usage(wakes=True)
    assert (row(found)["invoice"], row(found)["amount"]) == (draft["id"], 2000)
    assert draft["automatically_finalizes_at"] == end + LIMIT
    until(house, end + 2 * HOUR)
    assert (draft["status"], draft["automatic_tax"]["enabled"]) == ("draft", True)
