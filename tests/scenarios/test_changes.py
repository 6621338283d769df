"""What a change in Stigg becomes in Stripe (BILLING 1, 2, 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit
from stripe_sync.domain.drift.rows import by_object
from tests.house import House

Build = Callable[[WorldBuilder], House]


def repriced(town: WorldBuilder, amount: float = 25) -> None:
    """Version 2 of the plan, for new customers only: the subscriptions stay on version 1."""
    town.plan("pro", "Pro", [flat(amount), per_unit("seats", 5)], version=2)


def price_of(house: House, amount: int) -> dict[str, Any]:
    found = [p for p in house.objects("prices") if p["unit_amount"] == amount]
    assert len(found) == 1, found
    return found[0]


def test_one_price_one_name_one_quantity_are_exactly_three_differences(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    repriced(town)
    town.stigg["customers"][0]["name"] = "Renamed"
    town.stigg["subscriptions"][1]["prices"][1]["usageLimit"] = 9
    house.merge(town)
    rows = house.drift()
    seen = {(row.kind, row.field.partition(".")[0], row.before, row.after) for row in rows}
    assert len(by_object(rows)) == 3
    assert seen == {
        ("customer", "name", "Customer 1", "Renamed"),
        ("customer", "description", "Customer 1", "Renamed"),
        ("price", "unit_amount", "2000", "2500"),
        ("subscription", "items", "3", "9"),
    }, "a customer's name is shown in two fields of Stripe, its name and its description"
    quantity = next(row for row in rows if row.kind == "subscription")
    assert quantity.per_month == {"usd": Decimal(3000)}, "6 more seats at 5.00"
    assert "Renamed" not in "".join(row.sentence for row in rows), "no names in sentences"


def test_a_new_price_takes_the_key_and_the_default_and_the_needed_old_one_stays(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    old = dict(price_of(house, 2000))
    repriced(town)
    house.merge(town)
    house.reconcile()
    new = price_of(house, 2500)
    assert new["lookup_key"] == old["lookup_key"] == "test:plan:pro:base:monthly:default"
    assert price_of(house, 2000) | {"lookup_key": old["lookup_key"]} == old, (
        "still active: three subscriptions are on it"
    )
    assert price_of(house, 2000)["lookup_key"] is None
    assert house.world.stripe["products"][new["product"]]["default_price"] == new["id"]
    assert house.plan().plan.actions == []


def test_a_price_that_nobody_can_be_billed_by_is_archived(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    town.addon("support", "Support", [flat(12)], version=2)
    house.merge(town)
    result = house.reconcile()
    assert result["made"] == {"price.create": 1, "product.set_default": 1, "price.archive": 1}
    assert price_of(house, 1000)["active"] is False
    assert house.plan().plan.actions == []


@pytest.mark.parametrize("step", ["POST /v1/prices", "POST /v1/products"])
def test_a_price_change_that_stopped_half_way_heals_on_the_next_run(
    house_of: Build, town: WorldBuilder, step: str
) -> None:
    house = house_of(town)
    house.reconcile()
    town.addon("support", "Support", [flat(12)], version=2)
    house.merge(town)
    method, path = step.split()
    house.world.faults.append(fault(method, path, status=400))
    assert "refused" in house.reconcile()["results"]
    house.reconcile()
    assert (price_of(house, 1000)["active"], price_of(house, 1200)["active"]) == (False, True)
    assert (
        house.world.stripe["products"][price_of(house, 1200)["product"]]["default_price"] == price_of(house, 1200)["id"]
    )
    assert house.plan().plan.actions == []


def fault(method: str, path: str, **more: Any) -> Any:
    from sandbox.world.state import Fault

    return Fault(method, path, **more)


def test_a_price_that_comes_back_is_taken_back_and_not_made_again(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    count = len(house.objects("prices"))
    for version, amount in ((2, 12), (3, 10)):
        town.addon("support", "Support", [flat(amount)], version=version)
        house.merge(town)
        house.reconcile()
    assert len(house.objects("prices")) == count + 1
    assert price_of(house, 1000)["active"] is True
    assert price_of(house, 1000)["lookup_key"] == "test:addon:support:base:monthly:default"
    assert price_of(house, 1200)["active"] is False
    assert house.plan().plan.actions == []


def test_a_version_never_seen_current_is_made_for_the_subscription_that_is_on_it(
    house_of: Build, town: WorldBuilder
) -> None:
    repriced(town)
    house = house_of(town)
    house.reconcile()
    old = price_of(house, 2000)
    assert (old["active"], old["lookup_key"]) == (True, None)
    items = [i["price"]["id"] for s in house.objects("subscriptions") for i in s["items"]["data"]]
    assert items.count(old["id"]) == 3
    assert house.plan().plan.actions == []


def test_a_needed_price_that_a_person_archived_is_reactivated_as_a_planned_step(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    repriced(town)
    house.merge(town)
    house.reconcile()
    house.stripe().v1.prices.update(price_of(house, 2000)["id"], {"active": False})
    stored = house.plan()
    assert [a.kind for a in stored.plan.actions] == ["price.update"]
    house.reconcile()
    assert price_of(house, 2000)["active"] is True


def test_a_plan_renamed_and_repriced_in_one_publish(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    town.plan("pro", "Professional", [flat(25), per_unit("seats", 6)], version=2)
    house.merge(town)
    house.reconcile()
    names = {p["name"] for p in house.objects("products")}
    assert {"Acme Professional Plan", "Acme Professional Plan - Seats"} <= names
    assert house.plan().plan.actions == []


def test_an_upgrade_is_invoiced_at_once_and_a_downgrade_prorates_both_from_stiggs_moment(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    seats = town.stigg["subscriptions"][0]["prices"][1]
    moment = house.world.now - 1800
    for units, behavior in ((12, "always_invoice"), (5, "create_prorations")):
        seats |= {"usageLimit": units, "updatedAt": iso(moment)}
        house.merge(town)
        stored = house.plan()
        (action,) = stored.plan.actions
        assert action.after["proration_behavior"] == behavior
        assert action.after["proration_date"] == moment
        house.reconcile()
        moment += 60
    assert house.plan().plan.actions == []
    invoices = [i for i in house.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert len(invoices) == 1


def test_what_an_upgrade_costs_now_is_stripes_own_figure(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    house.merge(town)
    (action,) = house.plan().plan.actions
    house.reconcile()
    (invoice,) = [i for i in house.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert action.due_now == {"usd": Decimal(invoice["total"])}
    assert action.per_month == {"usd": Decimal(5000)}, "10 more seats at 5.00"


def test_an_addon_that_comes_and_goes_leaves_the_other_items_alone(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    (subscription,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    before = {i["id"] for i in subscription["items"]["data"]}
    town.stigg["subscriptions"][0]["addons"] = [town.addon_of("s-1", "support", 2, "MONTHLY")]
    house.merge(town)
    house.reconcile()
    items = subscription["items"]["data"]
    assert sorted(i["quantity"] for i in items if i["id"] not in before) == [2]
    assert before < {i["id"] for i in items}
    town.stigg["subscriptions"][0]["addons"] = []
    house.merge(town)
    house.reconcile()
    assert {i["id"] for i in subscription["items"]["data"]} == before
    assert house.plan().plan.actions == []


def test_free_addon_units_are_subtracted(house_of: Build, town: WorldBuilder) -> None:
    row = town.stigg["subscriptions"][0]
    row["addons"] = [town.addon_of("s-1", "support", 5, "MONTHLY")]
    row["freeItems"] = [{"addonId": "support", "quantity": 2}]
    house = house_of(town)
    house.reconcile()
    (subscription,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert [i["quantity"] for i in subscription["items"]["data"] if i["price"]["unit_amount"] == 1000] == [3]


def test_a_migration_to_a_new_version_prorates_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    repriced(town)
    row = town.stigg["subscriptions"][0]
    latest = town.stigg["plans"][-1]
    row["plan"]["versionNumber"] = 2
    row["prices"] = [town.charge_of("s-1", price, {"seats": 2}) for price in latest["prices"]]
    house.merge(town)
    (action,) = [a for a in house.plan().plan.actions if a.kind == "subscription.update"]
    assert (action.cause, action.after["proration_behavior"]) == ("migration", "none")
    house.reconcile()
    (subscription,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert len(subscription["items"]["data"]) == 2, "the item's price changed; no item was added"
    assert house.plan().plan.actions == []


def test_the_invoice_name_overrides_the_name(house_of: Build, town: WorldBuilder) -> None:
    town.stigg["customers"][0]["additionalMetaData"] = {"billing_name": "Customer One, Inc."}
    house = house_of(town)
    house.reconcile()
    (customer,) = [c for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    assert (customer["name"], customer["description"]) == ("Customer One, Inc.", "Customer 1")


def test_a_delegated_subscription_is_billed_to_the_paying_customer(house_of: Build, town: WorldBuilder) -> None:
    town.customer("c-child", "Child", "child@example.test")
    town.subscription("s-child", "c-child", "pro", payingCustomer={"customerId": "c-1"})
    house = house_of(town)
    house.reconcile()
    payer = next(c["id"] for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1")
    (subscription,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-child"]
    assert subscription["customer"] == payer
    assert house.status("c-child") == ("NO_SYNC_REQUIRED", "NO_SUBSCRIPTION")


def test_a_converted_trial_is_billed_from_the_end_of_the_trial(house_of: Build, town: WorldBuilder) -> None:
    ended = town.now - 5 * 3600
    town.stigg["subscriptions"][0] |= {
        "startDate": iso(town.now - 20 * 86_400),
        "createdAt": iso(town.now - 20 * 86_400),
        "trialEndDate": iso(ended),
        "wasInTrial": True,
    }
    house = house_of(town)
    house.reconcile()
    (subscription,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert subscription["start_date"] == ended


def test_automatic_charging_waits_for_a_payment_method(house_of: Build, town: WorldBuilder) -> None:
    town.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    house = house_of(town)
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "NO_PAYMENT_METHOD")
    attach_card(house, "c-1", "4242")
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
    (subscription,) = [s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert subscription["collection_method"] == "charge_automatically"
    assert house.world.stripe["invoices"][subscription["latest_invoice"]]["status"] == "paid"


def test_a_declined_card_is_that_subscriptions_error(house_of: Build, town: WorldBuilder) -> None:
    for number in (0, 1):
        town.stigg["subscriptions"][number]["paymentCollectionMethod"] = "CHARGE"
    house = house_of(town)
    house.reconcile()
    attach_card(house, "c-1", "0341")
    attach_card(house, "c-2", "4242")
    house.reconcile()
    assert house.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert house.status("s-2") == ("SUCCESS", "")


def attach_card(house: House, customer: str, last4: str) -> None:
    """What a customer does in a hosted page."""
    (found,) = [c for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == customer]
    builder = WorldBuilder(house.world.now)
    builder.stripe_customer(found["id"], card=last4)
    (method,) = builder.stripe["payment_methods"]
    house.world.put("payment_methods", method)
    house.stripe().v1.customers.update(found["id"], {"invoice_settings": {"default_payment_method": method["id"]}})


def iso(seconds: int) -> str:
    from sandbox.world.state import iso as written

    return written(seconds)
