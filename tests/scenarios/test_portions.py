"""Plans of a limited size: a large account is planned in batches of customers, and none is skipped (max_plan_size)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from stripe_sync.jobs.runtime import approvals
from tests.scenarios.test_approvals import say, waiting
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def written(harness: Harness) -> list[str]:
    """Return the customers with a customer and a subscription in Stripe."""
    customers = {c["id"]: c["metadata"]["stiggCustomerId"] for c in harness.objects("customers")}
    subscribed = [customers[s["customer"]] for s in harness.objects("subscriptions")]
    assert sorted(subscribed) == sorted(customers.values()), "customers are whole"
    return sorted(subscribed)


def test_whole_customers_are_taken_up_run_by_run(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(max_plan_size=2)
    harness.reconcile()
    assert written(harness) == ["c-1"]
    assert harness.status("s-2") == ("PENDING", "WAITS_FOR_WRITE")
    harness.reconcile()
    assert written(harness) == ["c-1", "c-2"]
    harness.reconcile()
    assert written(harness) == ["c-1", "c-2", "c-3"]
    assert harness.status("s-2") == ("SUCCESS", "")
    before = harness.writes()
    harness.reconcile()
    assert harness.writes() == before


def test_who_cannot_be_written_does_not_hold_up_the_others(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    for row in harness.objects("customers"):
        harness.stripe().v1.customers.update(row["id"], {"name": "By hand"})
    (first,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    harness.stripe().v1.customers.update(first["id"], {"metadata": {"stiggSync": "ignore"}})
    harness.change(max_plan_size=1)
    for _ in range(3):
        harness.reconcile()
    names = sorted(c["name"] for c in harness.objects("customers"))
    assert names == ["By hand", "Customer 2", "Customer 3"], "the first one is exempt, and was planned first"
    harness.stripe().v1.customers.update(first["id"], {"metadata": {"stiggSync": ""}})
    harness.reconcile()
    harness.reconcile()
    names = sorted(c["name"] for c in harness.objects("customers"))
    assert names == ["Customer 1", "Customer 2", "Customer 3"], "the turn comes again"


def test_an_approval_is_made_whole_whosever_turn_it_is(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    for row in harness.objects("customers"):
        harness.stripe().v1.customers.update(row["id"], {"name": "By hand"})
    harness.change(max_plan_size=1, modes={"catalog": "enforce", "customers": "propose", "subscriptions": "enforce"})
    harness.reconcile()
    (question,) = waiting(harness)
    harness.reconcile()
    assert len(waiting(harness)) == 2, "the next customer, who is asked about apart"
    say(harness, approvals.approve, question.request.hash)
    harness.reconcile(approval=question.request.hash)
    assert sorted(c["name"] for c in harness.objects("customers")) == ["By hand", "By hand", "Customer 1"]


def test_what_is_asked_for_by_name_is_planned_whosever_turn_it_is(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.change(max_plan_size=1)
    assert {a.target for a in harness.plan(customers=["c-3"]).plan.actions if a.lane == "customers"} == {
        "customer:test:c-3"
    }
    assert {a.target for a in harness.plan().plan.actions if a.lane == "customers"} == {"customer:test:c-1"}, (
        "nobody's turn was taken"
    )


def test_what_is_left_counts_against_the_limits(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    for row in harness.objects("customers"):
        harness.stripe().v1.customers.update(row["id"], {"name": "By hand"})
    harness.change(max_plan_size=1)
    harness.limit(share=0.4)
    harness.reconcile()
    assert {c["name"] for c in harness.objects("customers")} == {"By hand"}, "three of three, of which the plan has one"
    (question,) = waiting(harness)
    assert question.request.why == [
        "1 and 2 outside this plan of 3 objects of customers are more than the share 0.4 of environments.test.limits.share."
    ]
