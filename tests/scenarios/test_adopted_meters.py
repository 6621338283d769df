"""Metered items that the native integration left, and items of different billing intervals in one subscription (BILLING 8 and 10)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from tests.support.harness import Harness
from tests.support.metering import (
    DAY,
    HOUR,
    LEAD,
    MINUTE,
    by_meter,
    cycle,
    events,
    ledger,
    meter,
    month_end,
    period_end,
    prices,
    subscription,
    until,
    use,
)
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
URL = "https://app.stigg.io/sandbox"


def native(harness: Harness) -> None:
    """Return the objects of Stigg's own integration: metered prices, and a subscription with them."""
    api, world = harness.stripe(), harness.world
    meters = {f["refId"]: meter(harness, f["refId"]) for f in world.stigg["features"]}
    (plan,) = world.stigg["plans"]
    metadata = {"stiggEntityId": "pro", "stiggEntityUrl": f"{URL}/plans/pro"}
    product = api.v1.products.create({"name": "Acme Pro Plan", "metadata": metadata})
    plan["billingId"] = product.id
    items: list[Any] = []
    for price in plan["prices"]:
        own = api.v1.products.create({"name": f"Acme Pro Plan - {len(items)}", "metadata": metadata})
        interval: Any = {"interval": "year" if price["billingPeriod"] == "ANNUALLY" else "month"}
        if price["billingModel"] == "USAGE_BASED":
            interval |= {"usage_type": "metered", "meter": meters[price["feature"]["refId"]]}
        row = api.v1.prices.create({
            "product": own.id, "currency": "usd", "recurring": interval,
            "unit_amount_decimal": Decimal(str(price["price"]["amount"])) * 100,
        })  # fmt: skip
        price["billingId"] = row.id
        items.append({"price": row.id})
    (customer,) = world.stigg["customers"]
    row = api.v1.customers.create({
        "name": customer["name"], "email": customer["email"],
        "metadata": {"stiggCustomerId": "c-1", "stiggEntityUrl": f"{URL}/customers/c-1"},
    })  # fmt: skip
    customer["billingId"] = row.id
    (subscribed,) = world.stigg["subscriptions"]
    made = api.v1.subscriptions.create({
        "customer": row.id, "items": items, "collection_method": "send_invoice", "days_until_due": 30,
        "metadata": {"stiggEntityId": "s-1", "stiggEntityUrl": f"{URL}/subscriptions/s-1"},
    })  # fmt: skip
    subscribed["billingId"] = made.id


def native_with_use(harness: Harness) -> None:
    """The same, and 40 calls that it has sent already."""
    native(harness)
    api, world = harness.stripe(), harness.world
    (row,) = api.v1.customers.list().data
    use(harness, 40, world.now)
    harness.later(HOUR)
    api.v1.billing.meter_events.create(
        {"event_name": "calls", "payload": {"stripe_customer_id": row.id, "value": "40"}, "identifier": "native-1"}
    )
    harness.later(2 * MINUTE)


def test_an_adopted_meter_is_sent_what_is_missing_of_its_month(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    native_with_use(harness)
    end = month_end(harness, 60)
    assert "metered" in {r["usage_type"] for r in prices(harness)}, "it was adopted, and nothing was made instead"
    assert len(harness.objects("subscriptions")) == 1
    harness.usage()
    until(harness, end + 11 * MINUTE)
    harness.usage()
    assert events(harness) == ["40", "60"]
    until(harness, end + 11 * MINUTE + LEAD)
    harness.usage()
    assert (cycle(harness)["total"], ledger(harness)) == (
        2000 + 27,
        {"billed": ("60", 16), "billed_before_us": ("40", 11)},
    )


@ends("removed_meter_bills", yes=2038, no=2027)
def test_a_metered_item_that_a_person_removes_comes_back_and_its_draft_waits_for_a_person(
    harness_of: Build, metered: WorldBuilder, end: int
) -> None:
    """C7, SB 4.11, 4.13: 40 of 100 calls are in the meter when its item is removed, which Stripe bills at once or drops.

    20.00 and 100 x 0.27 cents by a line. The new item counts from its return, so 40 x 0.27 = 10.8 come on top only where
    Stripe billed them at the removal; the meter's total tells nothing of that, and a person looks.
    """
    harness = harness_of(metered)
    native_with_use(harness)
    harness.reconcile()
    harness.usage()
    renewal = period_end(harness)
    until(harness, renewal - 10 * DAY)
    (item,) = [i for i in subscription(harness)["items"]["data"] if i["price"]["recurring"]["usage_type"] == "metered"]
    harness.stripe().v1.subscriptions.update(
        subscription(harness)["id"],
        {"items": [{"id": item["id"], "deleted": True}], "proration_behavior": "create_prorations"},
    )
    harness.reconcile()
    assert sorted(r["usage_type"] for r in prices(harness)) == ["licensed", "metered"], "it is back"
    harness.later(HOUR)
    month_end(harness, 60)
    (why,) = harness.usage()["refused"]
    assert "has also counted 40 of it. Remove these events, or credit them." in why
    draft = cycle(harness)
    assert (draft["total"], draft["status"], draft["automatically_finalizes_at"]) == (end, "draft", renewal + DAY)
    until(harness, renewal + DAY - 15 * MINUTE)
    harness.reconcile()
    message = harness.usage(alerts=True)["pages"]
    assert any(draft["id"] in text and "is finalized at" in text for text in message), message


def test_monthly_use_beside_an_annual_fee_and_annual_use_have_windows_of_their_own(harness_of: Build) -> None:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.feature("seats", "Seats", meterType="Incremental")
    monthly = usage("calls", 0.01)
    world.plan("pro", "Pro", [flat(240, period="ANNUALLY"), monthly, usage("seats", 1, period="ANNUALLY")])
    world.customer("c-1", "Customer 1", "c1@example.test")
    made = world.subscription("s-1", "c-1", "pro", period="ANNUALLY", hours_ago=0)
    (price,) = [p for p in world.stigg["plans"][0]["prices"] if p.get("feature", {}).get("refId") == "calls"]
    made["prices"].append(world.charge_of("s-1", price, {}))
    harness = harness_of(world)
    native(harness)
    harness.reconcile()
    harness.usage()
    items = subscription(harness)["items"]["data"]
    (month,) = {i["current_period_end"] for i in items if i["price"]["recurring"]["interval"] == "month"}
    (year,) = {i["current_period_end"] for i in items if i["price"]["recurring"]["interval"] == "year"}
    assert month < year
    use(harness, 100, month - HOUR)
    use(harness, 3, month - HOUR, featureId="seats")
    until(harness, month - MINUTE)
    harness.reconcile()
    until(harness, month + MINUTE)
    harness.usage()
    until(harness, month + 11 * MINUTE)
    harness.usage()
    until(harness, month + 2 * HOUR)
    harness.usage()
    assert cycle(harness)["total"] == 100, "the month's calls, and nothing of the year's"
    assert ledger(harness) == {"billed": ("100", 100)}
    until(harness, year - MINUTE)
    harness.reconcile()
    harness.usage()  # ten months without a run and without use
    until(harness, year + MINUTE)
    harness.usage()
    until(harness, year + 11 * MINUTE)
    harness.usage()
    until(harness, year + 2 * HOUR)
    harness.usage()
    assert cycle(harness)["total"] == 24000 + 300


def test_a_new_subscription_of_two_rhythms_is_refused_with_the_way_out(harness_of: Build) -> None:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [flat(240, period="ANNUALLY"), usage("calls", 0.01)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    made = world.subscription("s-1", "c-1", "pro", period="ANNUALLY")
    made["prices"].append(world.charge_of("s-1", world.stigg["plans"][0]["prices"][1], {}))
    harness = harness_of(world)
    harness.reconcile()
    assert harness.status("s-1") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert harness.objects("subscriptions") == []


@pytest.mark.parametrize("waits", [True, False])
def test_a_plan_of_use_alone_by_a_meter_is_billed_whether_or_not_a_renewal_of_nothing_waits(
    harness_of: Build, waits: bool
) -> None:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [usage("calls", 1)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro")
    harness = harness_of(world)
    harness.world.unknowns["zero_renewal_waits"] = waits
    by_meter(harness)
    end = month_end(harness, 5)
    assert (cycle(harness)["status"] == "draft") is waits
    harness.usage()
    until(harness, end + 11 * MINUTE)
    harness.usage()
    assert events(harness) == (["5"] if waits else [])
    until(harness, end + 2 * HOUR)
    harness.usage()
    (bill,) = [i for i in harness.objects("invoices") if i["total"] == 500]
    assert bill["billing_reason"] == ("subscription_cycle" if waits else "manual")
    assert ledger(harness) == {"billed": ("5", 500)}
    assert sum(i["total"] for i in harness.objects("invoices")) == 500
