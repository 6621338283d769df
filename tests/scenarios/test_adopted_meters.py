"""Metered items that the native integration left, and items of different rhythms in one subscription (BILLING 8 and 10)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from tests.house import House
from tests.metering import (
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
from tests.switches import ends

Build = Callable[[WorldBuilder], House]
URL = "https://app.stigg.io/sandbox"


def native(house: House) -> None:
    """What Stigg's own integration leaves: metered prices, and a subscription by them."""
    api, world = house.stripe(), house.world
    meters = {f["refId"]: meter(house, f["refId"]) for f in world.stigg["features"]}
    (plan,) = world.stigg["plans"]
    metadata = {"stiggEntityId": "pro", "stiggEntityUrl": f"{URL}/plans/pro"}
    product = api.v1.products.create({"name": "Acme Pro Plan", "metadata": metadata})
    plan["billingId"] = product.id
    items: list[Any] = []
    for price in plan["prices"]:
        own = api.v1.products.create({"name": f"Acme Pro Plan - {len(items)}", "metadata": metadata})
        rhythm: Any = {"interval": "year" if price["billingPeriod"] == "ANNUALLY" else "month"}
        if price["billingModel"] == "USAGE_BASED":
            rhythm |= {"usage_type": "metered", "meter": meters[price["feature"]["refId"]]}
        row = api.v1.prices.create({
            "product": own.id, "currency": "usd", "recurring": rhythm,
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


def native_with_use(house: House) -> None:
    """The same, and 40 calls that it has sent already."""
    native(house)
    api, world = house.stripe(), house.world
    (row,) = api.v1.customers.list().data
    use(house, 40, world.now)
    house.later(HOUR)
    api.v1.billing.meter_events.create(
        {"event_name": "calls", "payload": {"stripe_customer_id": row.id, "value": "40"}, "identifier": "native-1"}
    )
    house.later(2 * MINUTE)


def test_an_adopted_meter_is_sent_what_is_missing_of_its_month(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    native_with_use(house)
    end = month_end(house, 60)
    assert "metered" in {r["usage_type"] for r in prices(house)}, "it was adopted, and nothing was made instead"
    assert len(house.objects("subscriptions")) == 1
    house.usage()
    until(house, end + 11 * MINUTE)
    house.usage()
    assert events(house) == ["40", "60"]
    until(house, end + 11 * MINUTE + LEAD)
    house.usage()
    assert (cycle(house)["total"], ledger(house)) == (
        2000 + 27,
        {"billed": ("60", 16), "billed_before_us": ("40", 11)},
    )


@ends("removed_meter_bills", yes=2049, no=2038)
def test_a_metered_item_that_a_person_removes_comes_back_and_its_draft_waits_for_a_person(
    house_of: Build, metered: WorldBuilder, end: int
) -> None:
    """C7, SB 4.11: 40 of 100 calls are in the meter when its item is removed, which Stripe bills at once or drops.

    20.00, 100 x 0.27 cents by a line, 40 x 0.27 = 10.8 by the meter's new item, and 0.11 more where Stripe billed them.
    """
    house = house_of(metered)
    native_with_use(house)
    house.reconcile()
    house.usage()
    renewal = period_end(house)
    until(house, renewal - 10 * DAY)
    (item,) = [i for i in subscription(house)["items"]["data"] if i["price"]["recurring"]["usage_type"] == "metered"]
    house.stripe().v1.subscriptions.update(
        subscription(house)["id"],
        {"items": [{"id": item["id"], "deleted": True}], "proration_behavior": "create_prorations"},
    )
    house.reconcile()
    assert sorted(r["usage_type"] for r in prices(house)) == ["licensed", "metered"], "it is back"
    house.later(HOUR)
    month_end(house, 60)
    (why,) = house.usage()["refused"]
    assert "has counted 40 of it besides; a person decides." in why
    draft = cycle(house)
    assert (draft["total"], draft["status"], draft["automatically_finalizes_at"]) == (end, "draft", renewal + DAY)
    until(house, renewal + DAY - 15 * MINUTE)
    house.reconcile()
    told = house.usage(wakes=True)["pages"]
    assert any(draft["id"] in text and "is finalized at" in text for text in told), told


def test_monthly_use_beside_an_annual_fee_and_annual_use_have_windows_of_their_own(house_of: Build) -> None:
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
    house = house_of(world)
    native(house)
    house.reconcile()
    house.usage()
    items = subscription(house)["items"]["data"]
    (month,) = {i["current_period_end"] for i in items if i["price"]["recurring"]["interval"] == "month"}
    (year,) = {i["current_period_end"] for i in items if i["price"]["recurring"]["interval"] == "year"}
    assert month < year
    use(house, 100, month - HOUR)
    use(house, 3, month - HOUR, featureId="seats")
    until(house, month - MINUTE)
    house.reconcile()
    until(house, month + MINUTE)
    house.usage()
    until(house, month + 11 * MINUTE)
    house.usage()
    until(house, month + 2 * HOUR)
    house.usage()
    assert cycle(house)["total"] == 100, "the month's calls, and nothing of the year's"
    assert ledger(house) == {"billed": ("100", 100)}
    until(house, year - MINUTE)
    house.reconcile()
    house.usage()  # ten months without a run and without use
    until(house, year + MINUTE)
    house.usage()
    until(house, year + 11 * MINUTE)
    house.usage()
    until(house, year + 2 * HOUR)
    house.usage()
    assert cycle(house)["total"] == 24000 + 300


def test_a_new_subscription_of_two_rhythms_is_refused_with_the_way_out(house_of: Build) -> None:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [flat(240, period="ANNUALLY"), usage("calls", 0.01)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    made = world.subscription("s-1", "c-1", "pro", period="ANNUALLY")
    made["prices"].append(world.charge_of("s-1", world.stigg["plans"][0]["prices"][1], {}))
    house = house_of(world)
    house.reconcile()
    assert house.status("s-1") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert house.objects("subscriptions") == []


@pytest.mark.parametrize("waits", [True, False])
def test_a_plan_of_use_alone_by_a_meter_is_billed_whether_or_not_a_renewal_of_nothing_waits(
    house_of: Build, waits: bool
) -> None:
    world = WorldBuilder()
    world.product("acme", "Acme")
    world.feature("calls", "API calls", meterType="Incremental")
    world.plan("pro", "Pro", [usage("calls", 1)])
    world.customer("c-1", "Customer 1", "c1@example.test")
    world.subscription("s-1", "c-1", "pro")
    house = house_of(world)
    house.world.unknowns["zero_renewal_waits"] = waits
    by_meter(house)
    end = month_end(house, 5)
    assert (cycle(house)["status"] == "draft") is waits
    house.usage()
    until(house, end + 11 * MINUTE)
    house.usage()
    assert events(house) == (["5"] if waits else [])
    until(house, end + 2 * HOUR)
    house.usage()
    (bill,) = [i for i in house.objects("invoices") if i["total"] == 500]
    assert bill["billing_reason"] == ("subscription_cycle" if waits else "manual")
    assert ledger(house) == {"billed": ("5", 500)}
    assert sum(i["total"] for i in house.objects("invoices")) == 500
