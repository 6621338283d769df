"""A plan has a size: a big account is taken up some customers at a time, and nobody is left behind (plan_at_most)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from stripe_sync.jobs.runtime import approvals
from tests.house import House
from tests.scenarios.test_approvals import say, waiting

Build = Callable[[WorldBuilder], House]


def written(house: House) -> list[str]:
    """Who has a customer and a subscription in Stripe."""
    customers = {c["id"]: c["metadata"]["stiggCustomerId"] for c in house.objects("customers")}
    subscribed = [customers[s["customer"]] for s in house.objects("subscriptions")]
    assert sorted(subscribed) == sorted(customers.values()), "customers are whole"
    return sorted(subscribed)


def test_whole_customers_are_taken_up_run_by_run(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(plan_at_most=2)
    house.reconcile()
    assert written(house) == ["c-1"]
    assert house.status("s-2") == ("PENDING", "WAITS_FOR_WRITE")
    house.reconcile()
    assert written(house) == ["c-1", "c-2"]
    house.reconcile()
    assert written(house) == ["c-1", "c-2", "c-3"]
    assert house.status("s-2") == ("SUCCESS", "")
    before = house.writes()
    house.reconcile()
    assert house.writes() == before


def test_who_cannot_be_written_does_not_hold_up_the_others(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    for row in house.objects("customers"):
        house.stripe().v1.customers.update(row["id"], {"name": "By hand"})
    (first,) = [c for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    house.stripe().v1.customers.update(first["id"], {"metadata": {"stiggSync": "ignore"}})
    house.change(plan_at_most=1)
    for _ in range(3):
        house.reconcile()
    names = sorted(c["name"] for c in house.objects("customers"))
    assert names == ["By hand", "Customer 2", "Customer 3"], "the first one is exempt, and was planned first"
    house.stripe().v1.customers.update(first["id"], {"metadata": {"stiggSync": ""}})
    house.reconcile()
    house.reconcile()
    names = sorted(c["name"] for c in house.objects("customers"))
    assert names == ["Customer 1", "Customer 2", "Customer 3"], "the turn comes again"


def test_an_approval_is_made_whole_whosever_turn_it_is(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    for row in house.objects("customers"):
        house.stripe().v1.customers.update(row["id"], {"name": "By hand"})
    house.change(plan_at_most=1, modes={"catalog": "enforce", "customers": "propose", "subscriptions": "enforce"})
    house.reconcile()
    (question,) = waiting(house)
    house.reconcile()
    assert len(waiting(house)) == 2, "the next customer, who is asked about apart"
    say(house, approvals.approve, question.request.hash)
    house.reconcile(approval=question.request.hash)
    assert sorted(c["name"] for c in house.objects("customers")) == ["By hand", "By hand", "Customer 1"]


def test_what_is_asked_for_by_name_is_planned_whosever_turn_it_is(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.change(plan_at_most=1)
    assert {a.target for a in house.plan(customers=["c-3"]).plan.actions if a.lane == "customers"} == {
        "customer:test:c-3"
    }
    assert {a.target for a in house.plan().plan.actions if a.lane == "customers"} == {"customer:test:c-1"}, (
        "nobody's turn was taken"
    )


def test_what_is_left_counts_against_the_limits(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    for row in house.objects("customers"):
        house.stripe().v1.customers.update(row["id"], {"name": "By hand"})
    house.change(plan_at_most=1)
    house.limit(share=0.4)
    house.reconcile()
    assert {c["name"] for c in house.objects("customers")} == {"By hand"}, "three of three, of which the plan has one"
    (question,) = waiting(house)
    assert question.request.why == [
        "1 and 2 beyond this plan of 3 objects of customers are more than the share 0.4 of environments.test.limits.share."
    ]
