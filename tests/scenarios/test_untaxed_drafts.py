"""Renewal drafts whose tax Stripe cannot compute: held before they go out untaxed, listed, and reported (BILLING 9, SB 17.2, 21.12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.usage import manual_actions
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_tax import live_in_berlin, taxed
from tests.support.harness import Harness
from tests.support.metering import HOUR, LEAD, MINUTE, cycle, lines, metered_world, period_end, subscription, until, use

Build = Callable[[WorldBuilder], Harness]
LIMIT = 24 * HOUR  # hold_hours


def homeless(harness: Harness) -> None:
    """Take every customer's address away, as people do in the Dashboard."""
    for customer in harness.objects("customers"):
        harness.stripe().v1.customers.update(customer["id"], {"address": ""})


def without_usage(world: WorldBuilder) -> None:
    """Sell the plan for 20.00 a month alone."""
    world.plan("pro", "Pro", [flat(20)], version=2)
    world.stigg["subscriptions"].clear()
    world.subscription("s-1", "c-1", "pro")


def renewed_without_location(harness_of: Build, used: float, *, finalizes: bool = True) -> tuple[Harness, int]:
    """Return a harness on its first renewal, a minute old, without a location, and the renewal's moment.

    Of 20.00 a month, and ``used`` calls of 0.27 cents; without any the plan has none.
    """
    harness, end = without_location(harness_of, used, finalizes=finalizes)
    until(harness, end + MINUTE)
    return harness, end


def without_location(harness_of: Build, used: float, *, finalizes: bool = True) -> tuple[Harness, int]:
    """Return the harness three minutes before that renewal."""
    world = metered_world()
    if not used:
        without_usage(world)
    harness = harness_of(world)
    harness.world.unknowns["missing_location_finalizes"] = finalizes
    taxed(harness)
    harness.reconcile(entities=["product", "price", "customer"])
    live_in_berlin(harness)
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    homeless(harness)
    if used:
        use(harness, used, end - 2 * MINUTE)
    return harness, end


def row(found: dict[str, Any]) -> dict[str, Any]:
    (only,) = found["stuck"]
    return dict(only)


@pytest.mark.parametrize("finalizes", [True, False])
@pytest.mark.parametrize(("used", "total"), [(1234, 2333), (0, 2000)])
def test_it_is_held_until_its_location_is_good(harness_of: Build, used: float, total: int, finalizes: bool) -> None:
    """C5, both answers: 20.00, and 1234 x 0.27 cents are 3.33; proven or not, it waits for the address, and is taxed then."""
    harness, end = renewed_without_location(harness_of, used, finalizes=finalizes)
    found = harness.usage(alerts=True)
    draft = cycle(harness)
    assert draft["automatically_finalizes_at"] == end + LIMIT
    assert (row(found)["invoice"], row(found)["amount"], row(found)["status"]) == (draft["id"], total, "draft")
    (page,) = found["pages"]
    assert (
        f"{draft['id']} of {subscription(harness)['id']} is a draft of {total / 100:.2f} USD that Stripe cannot tax"
        in page
    )
    until(harness, end + 2 * HOUR)
    assert harness.usage(alerts=True)["released"] == [], "that its usage is proven does not release it"
    assert lines(cycle(harness)) == ([("1234", 333)] if used else [])
    live_in_berlin(harness)
    assert harness.usage()["stuck"] == []
    assert cycle(harness)["automatically_finalizes_at"] == harness.world.now + LEAD
    harness.later(LEAD + MINUTE)
    final = cycle(harness)
    assert (final["status"], final["total"], final["automatic_tax"]["enabled"]) == ("open", total, True)
    assert subscription(harness)["automatic_tax"]["enabled"], "Stripe never switched it off"
    assert harness.usage()["stuck"] == []


@pytest.mark.parametrize("finalizes", [True, False])
def test_when_the_hold_is_over_it_is_listed_as_what_it_became(harness_of: Build, finalizes: bool) -> None:
    """C5: after hold_hours it goes out untaxed and is the subscription's error; or its finalization fails, and it stays."""
    harness, end = renewed_without_location(harness_of, 0, finalizes=finalizes)
    harness.usage(alerts=True)
    until(harness, end + LIMIT + MINUTE)
    draft = cycle(harness)
    assert (draft["status"], draft["automatic_tax"]["enabled"]) == (("open", False) if finalizes else ("draft", True))
    harness.reconcile()
    assert harness.status("s-1") == ("ERROR", "TAX_LOCATION")
    (message,) = statuses.find(harness.engine, "test", "s-1")
    assert (f"Without tax: {draft['id']} (20.00 USD)" in message.detail) == finalizes
    if finalizes:
        assert harness.usage()["stuck"] == []
    else:
        assert row(harness.usage(alerts=True))["why"] == "could not be finalized (customer_tax_location_invalid)"


def test_a_person_may_let_it_go_untaxed(harness_of: Build) -> None:
    """The release by hand is stored with its operator, and no later run holds the draft again."""
    harness, end = renewed_without_location(harness_of, 1234)
    harness.usage(alerts=True)
    session = harness.session()
    manual_actions.release(session, cycle(harness)["id"], Operator("ann", "Not taxable there."))
    session.close()
    assert cycle(harness)["automatically_finalizes_at"] == end + MINUTE + LEAD
    harness.later(10 * MINUTE)
    found = harness.usage()
    assert (found["stuck"], cycle(harness)["automatically_finalizes_at"]) == ([], end + MINUTE + LEAD)
    until(harness, end + 2 * HOUR)
    assert (cycle(harness)["status"], cycle(harness)["total"]) == ("open", 2333)


def test_a_calculation_that_failed_holds_it_as_well(harness_of: Build) -> None:
    """SB 17.7: the status ``failed``, whatever the address is."""
    harness, end = renewed_without_location(harness_of, 0)
    live_in_berlin(harness)
    cycle(harness)["automatic_tax"]["status"] = "failed"
    assert "automatic_tax.status failed" in row(harness.usage(alerts=True))["why"]
    assert cycle(harness)["automatically_finalizes_at"] == end + LIMIT


def test_one_that_a_person_stopped_stays_stopped(harness_of: Build) -> None:
    """BILLING 9: a hold is made only on a draft that is on; this one is listed as never finalized."""
    harness, _ = renewed_without_location(harness_of, 0)
    harness.stripe().v1.invoices.update(cycle(harness)["id"], {"auto_advance": False})
    assert row(harness.usage(alerts=True))["why"] == "nothing finalizes, its auto_advance is off"
    live_in_berlin(harness)
    harness.usage(alerts=True)
    assert not cycle(harness)["auto_advance"]


def test_where_stripe_moves_no_time_it_is_stopped_and_switched_on_without_one(harness_of: Build) -> None:
    """``finalization_moves`` no, with hold_by_auto_advance: Stripe takes no time back either, so the stop alone is undone."""
    harness, end = renewed_without_location(harness_of, 0)
    harness.world.unknowns["finalization_moves"] = False
    harness.change(usage={"hold_by_auto_advance": True})
    assert "is held until you release it" in row(harness.usage(alerts=True))["way"]
    until(harness, end + 2 * HOUR)
    assert (cycle(harness)["status"], cycle(harness)["auto_advance"]) == ("draft", False)
    live_in_berlin(harness)
    found = harness.usage()
    assert (found["stuck"], found["released"]) == ([], [cycle(harness)["id"]])
    harness.later(1)
    assert (cycle(harness)["status"], cycle(harness)["total"]) == ("open", 2000)


def test_use_that_is_not_proven_keeps_it_although_its_location_is_good(harness_of: Build) -> None:
    """A draft waits for both: its lines wait for a person (propose), then its location is good, then they are approved."""
    harness, end = renewed_without_location(harness_of, 1234)
    harness.change(modes=harness.environment.modes | {"usage": "propose"})
    harness.usage(alerts=True)
    live_in_berlin(harness)
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert cycle(harness)["automatically_finalizes_at"] == end + LIMIT
    harness.change(modes=harness.environment.modes | {"usage": "enforce"})
    harness.usage()
    assert cycle(harness)["automatically_finalizes_at"] == harness.world.now + LEAD
    assert (lines(cycle(harness)), cycle(harness)["total"]) == ([("1234", 333)], 2333)


def test_the_proof_of_its_use_does_not_release_it(harness_of: Build) -> None:
    """Its lines waited for a person; when they are proven the draft is not released for a moment, as its tax is not known."""
    harness, end = renewed_without_location(harness_of, 1234)
    harness.change(modes=harness.environment.modes | {"usage": "propose"})
    harness.usage(alerts=True)
    harness.change(modes=harness.environment.modes | {"usage": "enforce"})
    harness.later(MINUTE)
    found = harness.usage(alerts=True)
    assert (found["proven"], found["released"]) == (1, [])
    assert cycle(harness)["automatically_finalizes_at"] == end + LIMIT


def test_what_was_adopted_with_automatic_tax_is_held_as_well(harness_of: Build) -> None:
    """Without ``tax`` Stripe goes on taxing what it taxed: 20.00, read a minute before the renewal and 58 minutes after it."""
    harness, end = without_location(harness_of, 0)
    harness.change(stripe={"tax": False})
    until(harness, end - MINUTE)
    assert harness.usage()["stuck"] == []
    until(harness, end + 58 * MINUTE)
    draft = cycle(harness)
    assert draft["automatic_tax"]["enabled"]
    found = harness.usage(alerts=True)
    assert (row(found)["invoice"], row(found)["amount"]) == (draft["id"], 2000)
    assert draft["automatically_finalizes_at"] == end + LIMIT
    until(harness, end + 2 * HOUR)
    assert (draft["status"], draft["automatic_tax"]["enabled"]) == ("draft", True)
