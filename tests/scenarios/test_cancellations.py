"""Cancellations in Stripe are canceled in Stigg: only if certain, at once, without an echo (BILLING 7, the page)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.jobs.reconcile.job import RECONCILE
from stripe_sync.jobs.runtime.runner import run_job, run_until
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def canceling(harness_of: Build, small_world: WorldBuilder) -> Harness:
    """A harness in which everything is in Stripe, and the lane may write."""
    harness = harness_of(small_world)
    harness.reconcile()
    harness.later(2 * 3600)  # the first invoices are finalized, so that an end has nothing to wait for
    harness.change(modes=harness.environment.modes | {"stigg-cancellations": "enforce"})
    return harness


def billed(harness: Harness, id: str) -> dict[str, Any]:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def test_canceled_in_stripe_is_canceled_in_stigg_once(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = canceling(harness_of, small_world)
    harness.stripe().v1.subscriptions.cancel(billed(harness, "s-1")["id"])
    rows = harness.drift()
    assert [(r.kind, r.severity) for r in rows] == [("stigg_subscription", "money")]
    assert "is canceled in Stripe" in rows[0].sentence
    harness.reconcile()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "CANCELED"
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    writes = harness.writes()
    harness.reconcile()
    assert harness.plan().plan.actions == []
    assert harness.writes() == writes, "no echo"


def test_a_cancellation_that_came_from_stigg_is_not_sent_back(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = canceling(harness_of, small_world)
    small_world.stigg["subscriptions"][0] |= {"status": "CANCELED", "cancelReason": "Immediate"}
    harness.merge(small_world)
    harness.reconcile()
    assert billed(harness, "s-1")["status"] == "canceled"
    assert harness.plan().plan.actions == []


def test_what_we_canceled_because_it_is_free_by_now_lives_on_in_stigg(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.plan("free", "Free", [], pricing="FREE")
    harness = canceling(harness_of, small_world)
    small_world.stigg["subscriptions"][0] |= {
        "pricingType": "FREE",
        "plan": {"refId": "free", "versionNumber": 1},
        "prices": [],
    }
    harness.merge(small_world)
    harness.reconcile()
    harness.reconcile()
    assert billed(harness, "s-1")["status"] == "canceled"
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


def test_already_ended_in_stigg_counts_as_done(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = canceling(harness_of, small_world)
    harness.stripe().v1.subscriptions.cancel(billed(harness, "s-1")["id"])
    session = harness.session()
    run = harness.run(session)
    run_until(session, run, RECONCILE, "plan")
    harness.stigg("subscriptions", subscriptionId="s-1")["status"] = "EXPIRED"
    run_job(session, run, RECONCILE)
    session.close()
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


def test_one_whose_first_payment_was_never_made_cancels_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = canceling(harness_of, small_world)
    billed(harness, "s-1")["status"] = "incomplete_expired"
    harness.reconcile()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")


def test_absence_cancels_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = canceling(harness_of, small_world)
    del harness.world.stripe["subscriptions"][billed(harness, "s-1")["id"]]
    harness.reconcile()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


def test_a_deleted_customer_cancels_nothing_in_stigg(harness_of: Build, small_world: WorldBuilder) -> None:
    """Stripe ends every subscription of a customer that is deleted (SB 2; money.md n35): it is the customer's error."""
    harness = canceling(harness_of, small_world)
    harness.stripe().v1.customers.delete(billed(harness, "s-1")["customer"])
    stored = harness.plan()
    assert [a.kind for a in stored.plan.actions] == [], "no stigg.cancel"
    harness.reconcile()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert harness.status("c-1") == ("ERROR", "CUSTOMER_DELETED")
    assert harness.status("s-1") == ("ERROR", "CUSTOMER_DELETED")


def test_a_customer_deleted_between_plan_and_write_cancels_nothing_in_stigg(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = canceling(harness_of, small_world)
    found = billed(harness, "s-1")
    harness.stripe().v1.subscriptions.cancel(found["id"])
    session = harness.session()
    run = harness.run(session)
    run_until(session, run, RECONCILE, "plan")
    harness.stripe().v1.customers.delete(found["customer"])
    run_job(session, run, RECONCILE)
    session.close()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert harness.status("s-1") == ("ERROR", "CUSTOMER_DELETED")


def test_a_mass_cancellation_waits_for_a_person(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = canceling(harness_of, small_world)
    harness.limit(deletes=2)
    for subscription in list(harness.objects("subscriptions")):
        harness.stripe().v1.subscriptions.cancel(subscription["id"])
    harness.reconcile()
    assert {s["status"] for s in harness.world.stigg["subscriptions"]} == {"ACTIVE"}
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_one_that_lives_again_between_plan_and_write_is_left_alone(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = canceling(harness_of, small_world)
    found = billed(harness, "s-1")
    harness.stripe().v1.subscriptions.cancel(found["id"])
    session = harness.session()
    run = harness.run(session)
    run_until(session, run, RECONCILE, "plan")
    found["status"] = "active"
    run_job(session, run, RECONCILE)
    session.close()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_of_stigg_is_asked_for_again(harness_of: Build, small_world: WorldBuilder, when: str) -> None:
    harness = canceling(harness_of, small_world)
    harness.stripe().v1.subscriptions.cancel(billed(harness, "s-1")["id"])
    harness.world.faults.append(Fault("STIGG", "Cancel", status=503, when=when))
    harness.reconcile()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "CANCELED"
    assert harness.plan().plan.actions == []
