"""What is canceled in Stripe is canceled in Stigg: beyond doubt, at once, without an echo (BILLING 7, the page)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.runner import run_job, run_until
from tests.house import House

Build = Callable[[WorldBuilder], House]


def canceling(house_of: Build, town: WorldBuilder) -> House:
    """A house in which everything is in Stripe, and the lane may write."""
    house = house_of(town)
    house.reconcile()
    house.later(2 * 3600)  # the first invoices are finalized, so that an end has nothing to wait for
    house.change(modes=house.environment.modes | {"stigg-cancellations": "enforce"})
    return house


def billed(house: House, id: str) -> dict[str, Any]:
    (found,) = [s for s in house.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def test_canceled_in_stripe_is_canceled_in_stigg_once(house_of: Build, town: WorldBuilder) -> None:
    house = canceling(house_of, town)
    house.stripe().v1.subscriptions.cancel(billed(house, "s-1")["id"])
    rows = house.drift()
    assert [(r.kind, r.severity) for r in rows] == [("stigg_subscription", "money")]
    assert "is canceled in Stripe" in rows[0].sentence
    house.reconcile()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "CANCELED"
    assert house.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    writes = house.writes()
    house.reconcile()
    assert house.plan().plan.actions == []
    assert house.writes() == writes, "no echo"


def test_a_cancellation_that_came_from_stigg_is_not_sent_back(house_of: Build, town: WorldBuilder) -> None:
    house = canceling(house_of, town)
    town.stigg["subscriptions"][0] |= {"status": "CANCELED", "cancelReason": "Immediate"}
    house.merge(town)
    house.reconcile()
    assert billed(house, "s-1")["status"] == "canceled"
    assert house.plan().plan.actions == []


def test_what_we_canceled_because_it_is_free_by_now_lives_on_in_stigg(house_of: Build, town: WorldBuilder) -> None:
    town.plan("free", "Free", [], pricing="FREE")
    house = canceling(house_of, town)
    town.stigg["subscriptions"][0] |= {
        "pricingType": "FREE",
        "plan": {"refId": "free", "versionNumber": 1},
        "prices": [],
    }
    house.merge(town)
    house.reconcile()
    house.reconcile()
    assert billed(house, "s-1")["status"] == "canceled"
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


def test_already_ended_in_stigg_counts_as_done(house_of: Build, town: WorldBuilder) -> None:
    house = canceling(house_of, town)
    house.stripe().v1.subscriptions.cancel(billed(house, "s-1")["id"])
    session = house.session()
    run = house.run(session)
    run_until(session, run, RECONCILE, "plan")
    house.stigg("subscriptions", subscriptionId="s-1")["status"] = "EXPIRED"
    run_job(session, run, RECONCILE)
    session.close()
    assert house.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


def test_one_whose_first_payment_was_never_made_cancels_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = canceling(house_of, town)
    billed(house, "s-1")["status"] = "incomplete_expired"
    house.reconcile()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")


def test_absence_cancels_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = canceling(house_of, town)
    del house.world.stripe["subscriptions"][billed(house, "s-1")["id"]]
    house.reconcile()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


def test_a_deleted_customer_cancels_nothing_in_stigg(house_of: Build, town: WorldBuilder) -> None:
    """Stripe ends every subscription of a customer that is deleted (SB 2; money.md n35): it is the customer's error."""
    house = canceling(house_of, town)
    house.stripe().v1.customers.delete(billed(house, "s-1")["customer"])
    stored = house.plan()
    assert [a.kind for a in stored.plan.actions] == [], "no stigg.cancel"
    house.reconcile()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert house.status("c-1") == ("ERROR", "CUSTOMER_DELETED")
    assert house.status("s-1") == ("ERROR", "CUSTOMER_DELETED")


def test_a_customer_deleted_between_plan_and_write_cancels_nothing_in_stigg(
    house_of: Build, town: WorldBuilder
) -> None:
    house = canceling(house_of, town)
    found = billed(house, "s-1")
    house.stripe().v1.subscriptions.cancel(found["id"])
    session = house.session()
    run = house.run(session)
    run_until(session, run, RECONCILE, "plan")
    house.stripe().v1.customers.delete(found["customer"])
    run_job(session, run, RECONCILE)
    session.close()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert house.status("s-1") == ("ERROR", "CUSTOMER_DELETED")


def test_a_mass_cancellation_waits_for_a_person(house_of: Build, town: WorldBuilder) -> None:
    house = canceling(house_of, town)
    house.limit(deletes=2)
    for subscription in list(house.objects("subscriptions")):
        house.stripe().v1.subscriptions.cancel(subscription["id"])
    house.reconcile()
    assert {s["status"] for s in house.world.stigg["subscriptions"]} == {"ACTIVE"}
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_one_that_lives_again_between_plan_and_write_is_left_alone(house_of: Build, town: WorldBuilder) -> None:
    house = canceling(house_of, town)
    found = billed(house, "s-1")
    house.stripe().v1.subscriptions.cancel(found["id"])
    session = house.session()
    run = house.run(session)
    run_until(session, run, RECONCILE, "plan")
    found["status"] = "active"
    run_job(session, run, RECONCILE)
    session.close()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_of_stigg_is_asked_for_again(house_of: Build, town: WorldBuilder, when: str) -> None:
    house = canceling(house_of, town)
    house.stripe().v1.subscriptions.cancel(billed(house, "s-1")["id"])
    house.world.faults.append(Fault("STIGG", "Cancel", status=503, when=when))
    house.reconcile()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "CANCELED"
    assert house.plan().plan.actions == []
