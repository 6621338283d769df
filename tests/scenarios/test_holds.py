"""A draft is held while anything is missing on it, and let go as soon as nothing is (BILLING 7, 9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import Fault
from stripe_sync.warehouse.usage import draft_holds
from tests.scenarios.test_grace import licensed
from tests.scenarios.test_month_end_endings import end_in_stigg, paid_to_the_end, used_to_the_end
from tests.scenarios.test_usage_rules import renewed, world
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, LEAD, MINUTE, cycle, ledger, lines, subscription, until
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def set_usage(harness: Harness, mode: str) -> None:
    harness.change(modes=harness.environment.modes | {"usage": mode})


def stopped(harness_of: Build) -> tuple[Harness, int]:
    """Renew 20.00 with 5 calls at 1.00; the draft waits for a person and is stopped, since its time cannot be moved. Return the renewal."""
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.change(usage={"hold_by_auto_advance": True})
    harness.world.unknowns["finalization_moves"] = False
    set_usage(harness, "propose")
    end = renewed(harness, 5)
    harness.usage(alerts=True)
    return harness, end


def test_a_draft_that_we_stopped_is_switched_on_once_its_use_is_proven(harness_of: Build) -> None:
    """``finalization_moves`` no: 20.00 and 5 calls at 1.00. Its lines waited for a person; then the stop alone is undone."""
    harness, end = stopped(harness_of)
    draft = cycle(harness)
    assert not draft["auto_advance"]
    with harness.engine.connect() as connection:
        assert draft_holds.own_stops(connection, "test") == {draft["id"]}
    set_usage(harness, "enforce")
    harness.later(10 * MINUTE)
    found = harness.usage()
    assert (found["released"], draft["auto_advance"]) == ([draft["id"]], True)
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert (draft["status"], draft["total"], ledger(harness)) == ("open", 2500, {"billed": ("5", 500)})


def test_a_stop_that_stripe_does_not_undo_is_told_by_every_run_until_it_is_undone(harness_of: Build) -> None:
    """20.00 and 5 calls at 1.00 are proven, and the draft cannot be switched on for two runs."""
    harness, end = stopped(harness_of)
    draft = cycle(harness)
    set_usage(harness, "enforce")
    for _ in range(2):
        harness.world.faults.append(Fault("POST", "/v1/invoices/in_", status=400, times=1000))
        harness.later(10 * MINUTE)
        found = harness.usage(alerts=True)
        assert [(row["invoice"], row["amount"]) for row in found["stuck"]] == [(draft["id"], 2500)]
        harness.world.faults.clear()
    harness.later(10 * MINUTE)
    assert harness.usage()["released"] == [draft["id"]]
    until(harness, end + 2 * HOUR)
    assert (draft["status"], draft["total"]) == ("open", 2500)


@ends("short_leads_refused", yes=MINUTE + LEAD, no=HOUR)
def test_a_short_draft_whose_use_is_proven_waits_its_hour(harness_of: Build, end: int) -> None:
    """20 minutes of grace: an end that comes forty minutes after the renewal still finds the draft."""
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.world.billing["grace_hours"] = 1 / 3
    renewal = renewed(harness, 5)
    found = harness.usage(alerts=True)
    assert (found["released"], lines(cycle(harness))) == ([cycle(harness)["id"]], [("5", 500)])
    assert cycle(harness)["automatically_finalizes_at"] - renewal == end


def test_a_short_draft_without_tax_is_released_once_it_can_be_taxed(harness_of: Build) -> None:
    """20.00, held for an hour, then for its tax until the deadline; its tax is good after 80 minutes."""
    harness, end, id = licensed(harness_of)
    harness.usage(alerts=True)
    draft = cycle(harness)
    assert draft["automatically_finalizes_at"] == end + MINUTE + LEAD
    draft["automatic_tax"] |= {"enabled": True, "status": "requires_location_inputs"}
    harness.change(stripe={"tax": True})
    harness.later(25 * MINUTE)
    harness.usage(alerts=True)
    assert draft["automatically_finalizes_at"] == end + DAY
    until(harness, end + 80 * MINUTE)
    draft["automatic_tax"]["status"] = "complete"
    assert harness.usage()["released"] == [id]
    assert draft["automatically_finalizes_at"] == end + 80 * MINUTE + LEAD


def test_a_draft_that_we_stopped_and_is_not_owed_stays_stopped(harness_of: Build, metered: WorldBuilder) -> None:
    """Its end came before the renewal: no run asks Stripe to switch it on again, and its 20.00 are never paid."""
    harness = harness_of(metered)
    harness.change(usage={"hold_by_auto_advance": True})
    end = paid_to_the_end(harness)
    end_in_stigg(harness, end - 2 * MINUTE)
    until(harness, end + MINUTE)
    harness.world.unknowns["finalization_moves"] = False
    harness.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=1000))
    until(harness, end + 40 * MINUTE)
    harness.usage(alerts=True)
    assert not cycle(harness)["auto_advance"], "its use could not be read"
    harness.world.faults.clear()
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    before = len(harness.world.requests)
    for _ in range(3):
        harness.later(10 * MINUTE)
        assert harness.usage()["released"] == []
    changes = [r.path for r in harness.world.requests[before:] if r.method == "POST" and "/v1/invoices/" in r.path]
    assert [path for path in changes if "preview" not in path] == []
    assert (cycle(harness)["status"], cycle(harness)["auto_advance"], cycle(harness)["amount_paid"]) == (
        "draft",
        False,
        0,
    )


@pytest.mark.parametrize("why", ["a limit", "propose"])
def test_a_renewal_that_was_never_sold_is_held_while_its_cancellation_waits(
    harness_of: Build, metered: WorldBuilder, why: str
) -> None:
    """It ended a minute before the renewal: of 20.00 nothing is owed; the 3.33 of use before the end go on our invoice.

    The cancellation is approved 26 hours after the renewal, two hours after the deadline of holds for usage.
    """
    harness = harness_of(metered)
    end = used_to_the_end(harness)
    end_in_stigg(harness, end - MINUTE)
    if why == "propose":
        harness.change(modes=harness.environment.modes | {"subscriptions": "propose"})
    else:
        harness.limit(deletes=0)
    until(harness, end + 10 * MINUTE)
    harness.reconcile()
    draft = cycle(harness)
    found = harness.usage(alerts=True)
    assert draft["automatically_finalizes_at"] == end + 365 * DAY
    assert f"{draft['id']} of" in found["pages"][0]
    assert "0.00 USD are owed before the end, 20.00 USD are not" in found["pages"][0]
    until(harness, end + 26 * HOUR)
    harness.usage(alerts=True)
    assert (subscription(harness)["status"], draft["status"]) == ("active", "draft")
    harness.change(modes=harness.environment.modes | {"subscriptions": "enforce"})
    harness.limit(deletes=100)
    harness.reconcile()
    harness.reconcile()
    assert (subscription(harness)["status"], harness.usage()["pages"]) == ("canceled", [])
    until(harness, end + 3 * DAY)
    assert (draft["status"], draft["auto_advance"], draft["amount_paid"]) == ("draft", False, 0)


@pytest.mark.parametrize("observes", [False, True], ids=["holds", "observes"])
def test_a_renewal_without_use_that_was_never_sold_is_held_too(harness_of: Build, observes: bool) -> None:
    """20.00 a month and no use. Where the usage lane observes, nothing is held, and somebody is told before it goes out."""
    harness, end, id = licensed(harness_of, grace_hours=1)
    end_in_stigg(harness, end - MINUTE)
    harness.limit(deletes=0)
    if observes:
        set_usage(harness, "observe")
    harness.later(9 * MINUTE)
    harness.reconcile()
    (page,) = harness.usage(alerts=True)["pages"]
    assert (id in page, "0.00 USD are owed before the end, 20.00 USD are not" in page) == (True, True)
    assert cycle(harness)["automatically_finalizes_at"] == (end + HOUR + 1 if observes else end + 365 * DAY)


def test_a_held_renewal_is_owed_again_where_its_subscription_goes_on(harness_of: Build) -> None:
    """Its end was a mistake that is taken back in Stigg while the cancellation waits: the 20.00 go out."""
    harness, end, id = licensed(harness_of, grace_hours=1)
    before = dict(harness.stigg("subscriptions", subscriptionId="s-1"))
    end_in_stigg(harness, end - MINUTE)
    harness.limit(deletes=0)
    harness.later(9 * MINUTE)
    harness.reconcile()
    harness.usage(alerts=True)
    harness.stigg("subscriptions", subscriptionId="s-1").update(before)
    harness.later(HOUR)
    harness.reconcile()
    assert harness.usage()["released"] == [id]
    harness.later(LEAD + MINUTE)
    assert (cycle(harness)["status"], cycle(harness)["total"]) == ("open", 2000)
