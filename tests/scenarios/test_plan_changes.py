"""A change of plan in Stigg, with the same id and with a new one: each row of the migration matrix (SB 18.8, 18.9; BILLING 7)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.resources.stigg.changes import change_plan, changed_in_place
from sandbox.world.state import Obj
from stripe_sync.jobs.runtime import manual_actions
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.warehouse.comparisons import statuses
from tests.house import House
from tests.metering import DAY, HOUR, MINUTE, cycle, lines, period_end, until, use
from tests.scenarios.test_month_end_endings import end_in_stigg
from tests.switches import ends

Build = Callable[[WorldBuilder], House]
# How Stigg answers: the id stays; a new id after an upgrade; a new id after an immediate end.
ANSWERS = {"same id": (True, False), "new id": (False, True), "new id, ended at once": (False, False)}


def house_with(house_of: Build, town: WorldBuilder, plan: str, answer: str = "new id, ended at once") -> House:
    """A house that has been reconciled, in which s-1 of c-1 is on a plan: pro is 20.00 and 2 seats at 5.00."""
    town.plan("big", "Big", [flat(90)])
    town.plan("free", "Free", [], pricing="FREE")
    town.plan("custom", "Custom", [], pricing="CUSTOM")
    if plan != "pro":
        town.stigg["subscriptions"].pop(0)
        town.subscription("s-1", "c-1", plan)
    house = house_of(town)
    keeps, upgrade = ANSWERS[answer]
    house.world.unknowns |= {"plan_change_keeps_id": keeps, "replaced_is_upgrade": upgrade}
    house.reconcile()
    return house


def of_customer(house: House) -> list[Obj]:
    """The subscriptions in Stripe of c-1."""
    ids = {c["id"] for c in house.objects("customers") if (c.get("metadata") or {}).get("stiggEntityId") == "c-1"}
    return [s for s in house.objects("subscriptions") if s["customer"] in ids]


def settled(house: House) -> None:
    house.reconcile()
    assert house.plan().plan.actions == []


@pytest.mark.parametrize("answer", ANSWERS)
def test_paid_to_paid_goes_on_in_one_stripe_subscription(house_of: Build, town: WorldBuilder, answer: str) -> None:
    """Never canceled and made: the customer pays the difference of the running period once.

    It began 3 hours ago, 717 of 720 hours are left. Credits of 20.00 and 10.00: -1991.67 and -995.83, rounded down -19.92 and
    -9.96; 90.00: 8962.5, rounded down 89.62. Together 59.74.
    """
    house = house_with(house_of, town, "pro", answer)
    (before,) = of_customer(house)
    row = change_plan(house.world, "s-1", "big", subscriptionId="s-next")
    settled(house)
    assert [(s["id"], s["status"]) for s in of_customer(house)] == [(before["id"], "active")]
    (after,) = of_customer(house)
    assert [i["price"]["unit_amount"] for i in after["items"]["data"]] == [9_000]
    changes = [i["total"] for i in house.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert changes == [5_974]
    assert house.status(row["subscriptionId"]) == ("SUCCESS", "")
    if row["subscriptionId"] != "s-1":
        assert house.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


@ends("plan_change_keeps_id", yes=("s-1", "SUCCESS"), no=("s-next", "NO_SYNC_REQUIRED"))
def test_a_change_of_plan_goes_on_under_whichever_id_stigg_gives_it(
    house_of: Build, town: WorldBuilder, end: tuple[str, str]
) -> None:
    """Stripe's subscription is marked with the id that lives in Stigg; the one that ended there needs nothing."""
    town.plan("big", "Big", [flat(90)])
    house = house_of(town)
    house.reconcile()
    row = change_plan(house.world, "s-1", "big", subscriptionId="s-next")
    settled(house)
    (after,) = of_customer(house)
    assert (after["metadata"]["stiggEntityId"], house.status("s-1")[0]) == end
    assert house.status(row["subscriptionId"]) == ("SUCCESS", "")


@ends("proration_floors", yes=5_964, no=5_965)
def test_a_change_is_billed_as_stripe_rounds_it_and_as_its_preview_said(
    house_of: Build, town: WorldBuilder, end: int
) -> None:
    """C9, SB 5.2: 717 of 720 hours are left. Credits of 20.00 and 10.00: -1991.67 and -995.83, -19.92 and -9.96 either way.

    89.90: 8952.54, rounded down 89.52, to the nearest 89.53. Together 59.64 or 59.65.
    """
    town.plan("odd", "Odd", [flat(89.9)])
    house = house_of(town)
    house.reconcile()
    change_plan(house.world, "s-1", "odd", subscriptionId="s-next")
    (action,) = house.plan().plan.actions
    print(action)
    settled(house)
    (bill,) = [i for i in house.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert bill["total"] == end


@pytest.mark.parametrize("before", ["free", "custom"])
def test_free_or_custom_to_paid_is_a_new_subscription_in_stripe(
    house_of: Build, town: WorldBuilder, before: str
) -> None:
    house = house_with(house_of, town, before)
    assert of_customer(house) == []
    change_plan(house.world, "s-1", "big", subscriptionId="s-next", paymentCollectionMethod="INVOICE")
    settled(house)
    (made,) = of_customer(house)
    assert [i["price"]["unit_amount"] for i in made["items"]["data"]] == [9_000]
    assert made["metadata"]["stiggEntityId"] == "s-next"


@pytest.mark.parametrize(("before", "after"), [("free", "custom"), ("custom", "free")])
def test_what_is_not_paid_stays_out_of_stripe(house_of: Build, town: WorldBuilder, before: str, after: str) -> None:
    house = house_with(house_of, town, before)
    row = change_plan(house.world, "s-1", after, subscriptionId="s-next")
    settled(house)
    assert of_customer(house) == []
    reason = {"free": "FREE", "custom": "CUSTOM_PRICE"}[after]
    assert house.status(row["subscriptionId"]) == ("NO_SYNC_REQUIRED", reason)


def test_paid_to_custom_leaves_stripes_subscription_alive_and_shows_its_money(
    house_of: Build, town: WorldBuilder
) -> None:
    """SB 18.9: Stigg does not cancel it either; a person decides what Stripe bills."""
    house = house_with(house_of, town, "pro")
    before = house.frozen()
    change_plan(house.world, "s-1", "custom")
    (row,) = [r for r in house.drift() if r.kind == "subscription"]
    assert (row.state, row.per_month) == ("ended", {"usd": Decimal(-3_000)})
    house.reconcile()
    assert house.frozen() == before, "no write"
    assert house.status("s-1") == ("PENDING", "FROZEN")


def test_paid_to_custom_and_back_goes_on_in_the_same_stripe_subscription(house_of: Build, town: WorldBuilder) -> None:
    house = house_with(house_of, town, "pro")
    (before,) = of_customer(house)
    change_plan(house.world, "s-1", "custom")
    house.reconcile()
    change_plan(house.world, "s-1", "big", subscriptionId="s-next", paymentCollectionMethod="INVOICE")
    settled(house)
    (after,) = of_customer(house)
    assert (after["id"], after["status"]) == (before["id"], "active")
    assert house.status("s-next") == ("SUCCESS", "")


@pytest.mark.parametrize("answer", ["new id", "new id, ended at once"])
def test_a_change_of_plan_whose_subscription_ended_before_it_was_seen_ends_stripes_subscription(
    house_of: Build, town: WorldBuilder, answer: str
) -> None:
    """SB 18.8: replaced by s-next, which a person ended an hour later; nothing in Stigg is left that Stripe should bill."""
    house = house_with(house_of, town, "pro", answer)
    house.later(2 * HOUR)
    change_plan(house.world, "s-1", "big", subscriptionId="s-next")
    house.later(HOUR)
    end_in_stigg(house, house.world.now, "s-next")
    settled(house)
    assert [s["status"] for s in of_customer(house)] == ["canceled"]


@pytest.mark.parametrize("answer", ["new id", "new id, ended at once"])
def test_a_change_to_a_custom_price_by_way_of_another_plan_waits_for_a_person(
    house_of: Build, town: WorldBuilder, answer: str
) -> None:
    """SB 18.8, 18.9: replaced by s-next, which became custom before it was seen; a person decides what Stripe bills."""
    house = house_with(house_of, town, "pro", answer)
    change_plan(house.world, "s-1", "big", subscriptionId="s-next")
    change_plan(house.world, "s-next", "custom")
    before = house.frozen()
    house.reconcile()
    assert house.frozen() == before, "no write"
    assert house.status("s-1") == ("PENDING", "FROZEN")


def test_paid_to_free_ends_stripes_subscription(house_of: Build, town: WorldBuilder) -> None:
    house = house_with(house_of, town, "pro")
    house.later(2 * 3600)  # its first invoice is no draft any more
    change_plan(house.world, "s-1", "free")
    settled(house)
    assert [s["status"] for s in of_customer(house)] == ["canceled"]
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"


def pay_again(house: House) -> None:
    """Let the free s-1 be paid for under its id, at 90.00 a month."""
    row = house.stigg("subscriptions", subscriptionId="s-1")
    asked = {"customerId": "c-1", "planId": "big", "billingPeriod": "MONTHLY", "resourceId": None}
    changed_in_place(house.world, row, asked | {"paymentCollectionMethod": row["paymentCollectionMethod"]})


def test_one_that_was_free_and_is_paid_again_is_not_canceled_in_stigg(house_of: Build, town: WorldBuilder) -> None:
    """Our own cancellation of 30.00 a month is nobody's wish: s-1 lives in Stigg, and is made again when a person unlinks it."""
    house = house_with(house_of, town, "pro")
    house.later(2 * HOUR)
    change_plan(house.world, "s-1", "free")
    settled(house)
    (ended,) = of_customer(house)
    assert ended["status"] == "canceled"
    house.later(HOUR)
    pay_again(house)
    assert house.plan().plan.actions == []
    house.reconcile()
    assert house.stigg("subscriptions", subscriptionId="s-1")["status"] == "ACTIVE"
    assert house.status("s-1") == ("ERROR", "CANCELED_IN_STRIPE")
    (told,) = statuses.find(house.engine, "test", "s-1")
    assert f"unlink {ended['id']}, and it is made again" in told.detail
    session = house.session()
    manual_actions.unlink(session, "subscription", "s-1", Hand("It is paid again.", "ada"))
    session.close()
    house.reconcile()
    assert [s["status"] for s in of_customer(house) if s["id"] != ended["id"]] == ["active"]
    assert house.status("s-1") == ("SUCCESS", "")


def test_one_that_was_free_and_paid_again_and_is_canceled_by_a_person_is_canceled_in_stigg(
    house_of: Build, town: WorldBuilder
) -> None:
    """The journal knows which Stripe subscription we ended: the next one of s-1, which somebody cancels, is another."""
    house = house_with(house_of, town, "pro")
    house.later(2 * HOUR)
    change_plan(house.world, "s-1", "free")
    settled(house)
    (ended,) = of_customer(house)
    house.later(HOUR)
    pay_again(house)
    house.reconcile()
    session = house.session()
    manual_actions.unlink(session, "subscription", "s-1", Hand("It is paid again.", "ada"))
    session.close()
    house.reconcile()
    (made,) = [s for s in of_customer(house) if s["id"] != ended["id"]]
    house.stripe().v1.subscriptions.cancel(made["id"])
    assert [a.kind for a in house.plan().plan.actions] == ["stigg.cancel"]


def test_a_subscription_of_another_resource_is_left_alone(house_of: Build, town: WorldBuilder) -> None:
    """SB 18.8: one a (customer, resource)."""
    house = house_with(house_of, town, "pro")
    town.subscription("s-other", "c-1", "big", hours_ago=0, resource={"resourceId": "r-2"})
    house.merge(town)
    settled(house)
    assert sorted(s["status"] for s in of_customer(house)) == ["active", "active"]


def test_use_before_and_after_a_change_of_plan_is_billed(house_of: Build, metered: WorldBuilder) -> None:
    """SB 18.4, 18.5: usage begins again at the change, and what was used before belongs to a subscription that ended.

    10,000 calls at 0.0027 before it and 1,000 after it, at one price: 29.70 on one line.
    """
    metered.plan("max", "Max", [flat(50), usage("calls", 0.0027)])
    house = house_of(metered)
    house.world.unknowns["plan_change_keeps_id"] = False
    house.reconcile()
    house.reconcile()
    house.usage()
    use(house, 10_000, house.world.now + HOUR)
    house.later(5 * DAY)
    change_plan(house.world, "s-1", "max", subscriptionId="s-next", paymentCollectionMethod="INVOICE")
    house.later(HOUR)
    house.reconcile()
    house.usage()
    use(house, 1_000, house.world.now + HOUR)
    end = period_end(house, "s-next")
    until(house, end - 3 * MINUTE)
    house.reconcile()
    until(house, end + 2 * MINUTE)
    house.usage()
    assert sorted(lines(cycle(house, "s-next"))) == [("11000", 2_970)]
