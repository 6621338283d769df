"""A change of plan in Stigg, with the same id and with a new one: each row of the migration matrix (SB 18.8, 18.9; BILLING 7)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.resources.stigg.changes import change_plan, changed_in_place, replaced
from sandbox.world.state import Obj
from stripe_sync.jobs.runtime import manual_actions
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.warehouse.comparisons import statuses
from tests.scenarios.test_month_end_endings import end_in_stigg
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, cycle, lines, period_end, until, use
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
# How Stigg answers: the id stays; a new id after an upgrade; a new id after an immediate end.
ANSWERS = {"same id": (True, False), "new id": (False, True), "new id, ended at once": (False, False)}


def harness_with(
    harness_of: Build, small_world: WorldBuilder, plan: str, answer: str = "new id, ended at once"
) -> Harness:
    """A harness that has been reconciled, in which s-1 of c-1 is on a plan: pro is 20.00 and 2 seats at 5.00."""
    small_world.plan("big", "Big", [flat(90)])
    small_world.plan("free", "Free", [], pricing="FREE")
    small_world.plan("custom", "Custom", [], pricing="CUSTOM")
    if plan != "pro":
        small_world.stigg["subscriptions"].pop(0)
        small_world.subscription("s-1", "c-1", plan)
    harness = harness_of(small_world)
    keeps, upgrade = ANSWERS[answer]
    harness.world.unknowns |= {"plan_change_keeps_id": keeps, "replaced_is_upgrade": upgrade}
    harness.reconcile()
    return harness


def of_customer(harness: Harness) -> list[Obj]:
    """The subscriptions in Stripe of c-1."""
    ids = {c["id"] for c in harness.objects("customers") if (c.get("metadata") or {}).get("stiggEntityId") == "c-1"}
    return [s for s in harness.objects("subscriptions") if s["customer"] in ids]


def settled(harness: Harness) -> None:
    harness.reconcile()
    assert harness.plan().plan.actions == []


@pytest.mark.parametrize("answer", ANSWERS)
def test_paid_to_paid_goes_on_in_one_stripe_subscription(
    harness_of: Build, small_world: WorldBuilder, answer: str
) -> None:
    """Never canceled and made: the customer pays the difference of the running period once.

    It began 3 hours ago, 717 of 720 hours are left. Credits of 20.00 and 10.00: -1991.67 and -995.83, rounded down -19.92 and
    -9.96; 90.00: 8962.5, rounded down 89.62. Together 59.74.
    """
    harness = harness_with(harness_of, small_world, "pro", answer)
    (before,) = of_customer(harness)
    row = change_plan(harness.world, "s-1", "big", subscriptionId="s-next")
    settled(harness)
    assert [(s["id"], s["status"]) for s in of_customer(harness)] == [(before["id"], "active")]
    (after,) = of_customer(harness)
    assert [i["price"]["unit_amount"] for i in after["items"]["data"]] == [9_000]
    changes = [i["total"] for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert changes == [5_974]
    assert harness.status(row["subscriptionId"]) == ("SUCCESS", "")
    if row["subscriptionId"] != "s-1":
        assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


@ends("plan_change_keeps_id", yes=("s-1", "SUCCESS"), no=("s-next", "NO_SYNC_REQUIRED"))
def test_a_change_of_plan_goes_on_under_whichever_id_stigg_gives_it(
    harness_of: Build, small_world: WorldBuilder, end: tuple[str, str]
) -> None:
    """Stripe's subscription is marked with the id that lives in Stigg; the one that ended there needs nothing."""
    small_world.plan("big", "Big", [flat(90)])
    harness = harness_of(small_world)
    harness.reconcile()
    row = change_plan(harness.world, "s-1", "big", subscriptionId="s-next")
    settled(harness)
    (after,) = of_customer(harness)
    assert (after["metadata"]["stiggEntityId"], harness.status("s-1")[0]) == end
    assert harness.status(row["subscriptionId"]) == ("SUCCESS", "")


@ends("proration_floors", yes=5_964, no=5_965)
def test_a_change_is_billed_as_stripe_rounds_it_and_as_its_preview_said(
    harness_of: Build, small_world: WorldBuilder, end: int
) -> None:
    """C9, SB 5.2: 717 of 720 hours are left. Credits of 20.00 and 10.00: -1991.67 and -995.83, -19.92 and -9.96 either way.

    89.90: 8952.54, rounded down 89.52, to the nearest 89.53. Together 59.64 or 59.65.
    """
    small_world.plan("odd", "Odd", [flat(89.9)])
    harness = harness_of(small_world)
    harness.reconcile()
    change_plan(harness.world, "s-1", "odd", subscriptionId="s-next")
    (action,) = harness.plan().plan.actions
    print(action)
    settled(harness)
    (bill,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert bill["total"] == end


@pytest.mark.parametrize("before", ["free", "custom"])
def test_free_or_custom_to_paid_is_a_new_subscription_in_stripe(
    harness_of: Build, small_world: WorldBuilder, before: str
) -> None:
    harness = harness_with(harness_of, small_world, before)
    assert of_customer(harness) == []
    change_plan(harness.world, "s-1", "big", subscriptionId="s-next", paymentCollectionMethod="INVOICE")
    settled(harness)
    (made,) = of_customer(harness)
    assert [i["price"]["unit_amount"] for i in made["items"]["data"]] == [9_000]
    assert made["metadata"]["stiggEntityId"] == "s-next"


def carried_on(harness: Harness, id: str, plan: str, *, keeps: bool) -> str:
    """Change the plan of a subscription under its id, or under the new one id-next; return the id that carries it on."""
    row = harness.stigg("subscriptions", subscriptionId=id)
    requested = {"customerId": row["customer"]["customerId"], "planId": plan, "billingPeriod": "MONTHLY"}
    requested |= {"resourceId": None, "paymentCollectionMethod": row["paymentCollectionMethod"]}
    if keeps:
        changed_in_place(harness.world, row, requested)
        return id
    replaced(harness.world, row, requested | {"subscriptionId": f"{id}-next"})
    return f"{id}-next"


@pytest.mark.parametrize("keeps", [True, False], ids=["same id", "new id"])
def test_what_is_not_paid_stays_out_of_stripe(harness_of: Build, small_world: WorldBuilder, keeps: bool) -> None:
    """SB 18.9: s-1 of c-1 goes from free to custom, s-2 of c-2 from custom to free."""
    del small_world.stigg["subscriptions"][:2]
    for customer, plan in (("c-1", "free"), ("c-2", "custom")):
        small_world.plan(plan, plan.title(), [], pricing=plan.upper())
        small_world.subscription(customer.replace("c", "s"), customer, plan)
    harness = harness_of(small_world)
    harness.reconcile()
    assert [s["metadata"]["stiggEntityId"] for s in harness.objects("subscriptions")] == ["s-3"]
    custom, free = (carried_on(harness, *change, keeps=keeps) for change in (("s-1", "custom"), ("s-2", "free")))
    settled(harness)
    assert [s["metadata"]["stiggEntityId"] for s in harness.objects("subscriptions")] == ["s-3"]
    assert harness.status(custom) == ("NO_SYNC_REQUIRED", "CUSTOM_PRICE")
    assert harness.status(free) == ("NO_SYNC_REQUIRED", "FREE")


def test_paid_to_custom_leaves_stripes_subscription_alive_and_shows_its_money(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """SB 18.9: Stigg does not cancel it either; a manual decision is required. s-1 keeps its id, s-2 becomes s-2-next.

    Two and three seats at 5.00 beside 20.00: 30.00 and 35.00 a month. No write: our metadata stays, by which it is found.
    """
    harness = harness_with(harness_of, small_world, "pro")
    before = harness.frozen()
    for id in ("s-1", "s-2"):
        carried_on(harness, id, "custom", keeps=id == "s-1")
    rows = sorted((r.state, r.per_month["usd"]) for r in harness.drift() if r.kind == "subscription")
    assert rows == [("ended", Decimal(-3_500)), ("ended", Decimal(-3_000))]
    harness.reconcile()
    assert harness.frozen() == before, "no write"
    for id in ("s-1", "s-2"):
        assert harness.status(id) == ("PENDING", "FROZEN")
        (found,) = statuses.find(harness.engine, "test", id)
        assert "Stripe goes on charging" in found.detail


def test_paid_to_custom_and_back_goes_on_in_the_same_stripe_subscription(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_with(harness_of, small_world, "pro")
    (before,) = of_customer(harness)
    change_plan(harness.world, "s-1", "custom")
    harness.reconcile()
    change_plan(harness.world, "s-1", "big", subscriptionId="s-next", paymentCollectionMethod="INVOICE")
    settled(harness)
    (after,) = of_customer(harness)
    assert (after["id"], after["status"]) == (before["id"], "active")
    assert harness.status("s-next") == ("SUCCESS", "")


@pytest.mark.parametrize("answer", ["new id", "new id, ended at once"])
def test_a_change_of_plan_whose_subscription_ended_before_it_was_seen_ends_stripes_subscription(
    harness_of: Build, small_world: WorldBuilder, answer: str
) -> None:
    """SB 18.8: replaced by s-next, which a person ended an hour later; nothing in Stigg is left that Stripe should bill."""
    harness = harness_with(harness_of, small_world, "pro", answer)
    harness.later(2 * HOUR)
    change_plan(harness.world, "s-1", "big", subscriptionId="s-next")
    harness.later(HOUR)
    end_in_stigg(harness, harness.world.now, "s-next")
    settled(harness)
    assert [s["status"] for s in of_customer(harness)] == ["canceled"]


@pytest.mark.parametrize("answer", ["new id", "new id, ended at once"])
def test_a_change_to_a_custom_price_by_way_of_another_plan_waits_for_a_person(
    harness_of: Build, small_world: WorldBuilder, answer: str
) -> None:
    """SB 18.8, 18.9: replaced by s-next, which became custom before it was seen; a manual decision is required."""
    harness = harness_with(harness_of, small_world, "pro", answer)
    change_plan(harness.world, "s-1", "big", subscriptionId="s-next")
    change_plan(harness.world, "s-next", "custom")
    before = harness.frozen()
    harness.reconcile()
    assert harness.frozen() == before, "no write"
    assert harness.status("s-1") == ("PENDING", "FROZEN")


def test_paid_to_free_ends_stripes_subscription(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 18.9: s-1 keeps its id, s-2 becomes s-2-next."""
    harness = harness_with(harness_of, small_world, "pro")
    harness.later(2 * 3600)  # its first invoice is no draft any more
    for id in ("s-1", "s-2"):
        carried_on(harness, id, "free", keeps=id == "s-1")
    settled(harness)
    found = {s["metadata"]["stiggEntityId"]: s["status"] for s in harness.objects("subscriptions")}
    assert found == {"s-1": "canceled", "s-2": "canceled", "s-3": "active"}
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert harness.status("s-2-next") == ("NO_SYNC_REQUIRED", "FREE")


def pay_again(harness: Harness) -> None:
    """Let the free s-1 be paid for under its id, at 90.00 a month."""
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    requested = {"customerId": "c-1", "planId": "big", "billingPeriod": "MONTHLY", "resourceId": None}
    changed_in_place(harness.world, row, requested | {"paymentCollectionMethod": row["paymentCollectionMethod"]})


def test_one_that_was_free_and_is_paid_again_is_not_canceled_in_stigg(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """Our own cancellation of 30.00 a month is nobody's wish: s-1 lives in Stigg, and is made again when a person unlinks it."""
    harness = harness_with(harness_of, small_world, "pro")
    harness.later(2 * HOUR)
    change_plan(harness.world, "s-1", "free")
    settled(harness)
    (ended,) = of_customer(harness)
    assert ended["status"] == "canceled"
    harness.later(HOUR)
    pay_again(harness)
    assert harness.plan().plan.actions == []
    harness.reconcile()
    assert harness.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert harness.status("s-1") == ("ERROR", "CANCELED_IN_STRIPE")
    (message,) = statuses.find(harness.engine, "test", "s-1")
    assert f"unlink {ended['id']}, and it is made again" in message.detail
    session = harness.session()
    manual_actions.unlink(session, "subscription", "s-1", Operator("It is paid again.", "ada"))
    session.close()
    harness.reconcile()
    assert [s["status"] for s in of_customer(harness) if s["id"] != ended["id"]] == ["active"]
    assert harness.status("s-1") == ("SUCCESS", "")


def test_one_that_was_free_and_paid_again_and_is_canceled_by_a_person_is_canceled_in_stigg(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """The journal knows which Stripe subscription we ended: the next one of s-1, which somebody cancels, is another."""
    harness = harness_with(harness_of, small_world, "pro")
    harness.later(2 * HOUR)
    change_plan(harness.world, "s-1", "free")
    settled(harness)
    (ended,) = of_customer(harness)
    harness.later(HOUR)
    pay_again(harness)
    harness.reconcile()
    session = harness.session()
    manual_actions.unlink(session, "subscription", "s-1", Operator("It is paid again.", "ada"))
    session.close()
    harness.reconcile()
    (made,) = [s for s in of_customer(harness) if s["id"] != ended["id"]]
    harness.stripe().v1.subscriptions.cancel(made["id"])
    assert [a.kind for a in harness.plan().plan.actions] == ["stigg.cancel"]


def test_a_subscription_of_another_resource_is_left_alone(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 18.8: one a (customer, resource)."""
    harness = harness_with(harness_of, small_world, "pro")
    small_world.subscription("s-other", "c-1", "big", hours_ago=0, resource={"resourceId": "r-2"})
    harness.merge(small_world)
    settled(harness)
    assert sorted(s["status"] for s in of_customer(harness)) == ["active", "active"]


def test_use_before_and_after_a_change_of_plan_is_billed(harness_of: Build, metered: WorldBuilder) -> None:
    """SB 18.4, 18.5: usage begins again at the change, and earlier usage belongs to a subscription that ended.

    10,000 calls at 0.0027 before it and 1,000 after it, at one price: 29.70 on one line.
    """
    metered.plan("max", "Max", [flat(50), usage("calls", 0.0027)])
    harness = harness_of(metered)
    harness.world.unknowns["plan_change_keeps_id"] = False
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    use(harness, 10_000, harness.world.now + HOUR)
    harness.later(5 * DAY)
    change_plan(harness.world, "s-1", "max", subscriptionId="s-next", paymentCollectionMethod="INVOICE")
    harness.later(HOUR)
    harness.reconcile()
    harness.usage()
    use(harness, 1_000, harness.world.now + HOUR)
    end = period_end(harness, "s-next")
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + 2 * MINUTE)
    harness.usage()
    assert sorted(lines(cycle(harness, "s-next"))) == [("11000", 2_970)]
