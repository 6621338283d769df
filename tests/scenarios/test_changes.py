"""Changes in Stigg and their writes in Stripe (BILLING 1, 2, 5 and 6)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit
from stripe_sync.domain.drift.rows import by_object
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def repriced(small_world: WorldBuilder, amount: float = 25) -> None:
    """Version 2 of the plan, for new customers only: the subscriptions stay on version 1."""
    small_world.plan("pro", "Pro", [flat(amount), per_unit("seats", 5)], version=2)


def price_of(harness: Harness, amount: int) -> dict[str, Any]:
    found = [p for p in harness.objects("prices") if p["unit_amount"] == amount]
    assert len(found) == 1, found
    return found[0]


def test_one_price_one_name_one_quantity_are_exactly_three_differences(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    repriced(small_world)
    small_world.stigg["customers"][0]["name"] = "Renamed"
    small_world.stigg["subscriptions"][1]["prices"][1]["usageLimit"] = 9
    harness.merge(small_world)
    rows = harness.drift()
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
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    old = dict(price_of(harness, 2000))
    repriced(small_world)
    harness.merge(small_world)
    harness.reconcile()
    new = price_of(harness, 2500)
    assert new["lookup_key"] == old["lookup_key"] == "test:plan:pro:base:monthly:default"
    assert price_of(harness, 2000) | {"lookup_key": old["lookup_key"]} == old, (
        "still active: three subscriptions are on it"
    )
    assert price_of(harness, 2000)["lookup_key"] is None
    assert harness.world.stripe["products"][new["product"]]["default_price"] == new["id"]
    assert harness.plan().plan.actions == []


def test_a_price_that_nobody_can_be_billed_by_is_archived(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.addon("support", "Support", [flat(12)], version=2)
    harness.merge(small_world)
    result = harness.reconcile()
    assert result["made"] == {"price.create": 1, "product.set_default": 1, "price.archive": 1}
    assert price_of(harness, 1000)["active"] is False
    assert harness.plan().plan.actions == []


@pytest.mark.parametrize("step", ["POST /v1/prices", "POST /v1/products"])
def test_a_price_change_that_stopped_half_way_heals_on_the_next_run(
    harness_of: Build, small_world: WorldBuilder, step: str
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.addon("support", "Support", [flat(12)], version=2)
    harness.merge(small_world)
    method, path = step.split()
    harness.world.faults.append(fault(method, path, status=400))
    assert "refused" in harness.reconcile()["results"]
    harness.reconcile()
    assert (price_of(harness, 1000)["active"], price_of(harness, 1200)["active"]) == (False, True)
    assert (
        harness.world.stripe["products"][price_of(harness, 1200)["product"]]["default_price"]
        == price_of(harness, 1200)["id"]
    )
    assert harness.plan().plan.actions == []


def fault(method: str, path: str, **more: Any) -> Any:
    from sandbox.world.state import Fault

    return Fault(method, path, **more)


def test_a_price_that_comes_back_is_taken_back_and_not_made_again(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    count = len(harness.objects("prices"))
    for version, amount in ((2, 12), (3, 10)):
        small_world.addon("support", "Support", [flat(amount)], version=version)
        harness.merge(small_world)
        harness.reconcile()
    assert len(harness.objects("prices")) == count + 1
    assert price_of(harness, 1000)["active"] is True
    assert price_of(harness, 1000)["lookup_key"] == "test:addon:support:base:monthly:default"
    assert price_of(harness, 1200)["active"] is False
    assert harness.plan().plan.actions == []


def test_a_version_never_seen_current_is_made_for_the_subscription_that_is_on_it(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    repriced(small_world)
    harness = harness_of(small_world)
    harness.reconcile()
    old = price_of(harness, 2000)
    assert (old["active"], old["lookup_key"]) == (True, None)
    items = [i["price"]["id"] for s in harness.objects("subscriptions") for i in s["items"]["data"]]
    assert items.count(old["id"]) == 3
    assert harness.plan().plan.actions == []


def test_a_needed_price_that_a_person_archived_is_reactivated_as_a_planned_step(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    repriced(small_world)
    harness.merge(small_world)
    harness.reconcile()
    harness.stripe().v1.prices.update(price_of(harness, 2000)["id"], {"active": False})
    stored = harness.plan()
    assert [a.kind for a in stored.plan.actions] == ["price.update"]
    harness.reconcile()
    assert price_of(harness, 2000)["active"] is True


def test_a_plan_renamed_and_repriced_in_one_publish(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.plan("pro", "Professional", [flat(25), per_unit("seats", 6)], version=2)
    harness.merge(small_world)
    harness.reconcile()
    names = {p["name"] for p in harness.objects("products")}
    assert {"Acme Professional Plan", "Acme Professional Plan - Seats"} <= names
    assert harness.plan().plan.actions == []


def test_an_upgrade_is_invoiced_at_once_and_a_downgrade_prorates_both_from_stiggs_moment(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    seats = small_world.stigg["subscriptions"][0]["prices"][1]
    moment = harness.world.now - 1800
    for units, behavior in ((12, "always_invoice"), (5, "create_prorations")):
        seats |= {"usageLimit": units, "updatedAt": iso(moment)}
        harness.merge(small_world)
        stored = harness.plan()
        (action,) = stored.plan.actions
        assert action.after["proration_behavior"] == behavior
        assert action.after["proration_date"] == moment
        harness.reconcile()
        moment += 60
    assert harness.plan().plan.actions == []
    invoices = [i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert len(invoices) == 1


def test_what_an_upgrade_costs_now_is_stripes_own_figure(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 12
    harness.merge(small_world)
    (action,) = harness.plan().plan.actions
    harness.reconcile()
    (invoice,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "subscription_update"]
    assert action.due_now == {"usd": Decimal(invoice["total"])}
    assert action.per_month == {"usd": Decimal(5000)}, "10 more seats at 5.00"


def test_an_addon_that_comes_and_goes_leaves_the_other_items_alone(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    before = {i["id"] for i in subscription["items"]["data"]}
    small_world.stigg["subscriptions"][0]["addons"] = [small_world.addon_of("s-1", "support", 2, "MONTHLY")]
    harness.merge(small_world)
    harness.reconcile()
    items = subscription["items"]["data"]
    assert sorted(i["quantity"] for i in items if i["id"] not in before) == [2]
    assert before < {i["id"] for i in items}
    small_world.stigg["subscriptions"][0]["addons"] = []
    harness.merge(small_world)
    harness.reconcile()
    assert {i["id"] for i in subscription["items"]["data"]} == before
    assert harness.plan().plan.actions == []


def test_free_addon_units_are_subtracted(harness_of: Build, small_world: WorldBuilder) -> None:
    row = small_world.stigg["subscriptions"][0]
    row["addons"] = [small_world.addon_of("s-1", "support", 5, "MONTHLY")]
    row["freeItems"] = [{"addonId": "support", "quantity": 2}]
    harness = harness_of(small_world)
    harness.reconcile()
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert [i["quantity"] for i in subscription["items"]["data"] if i["price"]["unit_amount"] == 1000] == [3]


def test_a_migration_to_a_new_version_prorates_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    repriced(small_world)
    row = small_world.stigg["subscriptions"][0]
    latest = small_world.stigg["plans"][-1]
    row["plan"]["versionNumber"] = 2
    row["prices"] = [small_world.charge_of("s-1", price, {"seats": 2}) for price in latest["prices"]]
    harness.merge(small_world)
    (action,) = [a for a in harness.plan().plan.actions if a.kind == "subscription.update"]
    assert (action.cause, action.after["proration_behavior"]) == ("migration", "none")
    harness.reconcile()
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert len(subscription["items"]["data"]) == 2, "the item's price changed; no item was added"
    assert harness.plan().plan.actions == []


def test_the_invoice_name_overrides_the_name(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["customers"][0]["additionalMetaData"] = {"billing_name": "Customer One, Inc."}
    harness = harness_of(small_world)
    harness.reconcile()
    (customer,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    assert (customer["name"], customer["description"]) == ("Customer One, Inc.", "Customer 1")


def test_a_delegated_subscription_is_billed_to_the_paying_customer(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.customer("c-child", "Child", "child@example.test")
    small_world.subscription("s-child", "c-child", "pro", payingCustomer={"customerId": "c-1"})
    harness = harness_of(small_world)
    harness.reconcile()
    payer = next(c["id"] for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1")
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-child"]
    assert subscription["customer"] == payer
    assert harness.status("c-child") == ("NO_SYNC_REQUIRED", "NO_SUBSCRIPTION")


def test_a_converted_trial_is_billed_from_the_end_of_the_trial(harness_of: Build, small_world: WorldBuilder) -> None:
    ended = small_world.now - 5 * 3600
    small_world.stigg["subscriptions"][0] |= {
        "startDate": iso(small_world.now - 20 * 86_400),
        "createdAt": iso(small_world.now - 20 * 86_400),
        "trialEndDate": iso(ended),
        "wasInTrial": True,
    }
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "AMOUNT_CHANGED"), "722 hours cost 30.07, and 30.00 were planned"
    harness.reconcile()
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert subscription["start_date"] == ended


def test_automatic_charging_waits_for_a_payment_method(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["subscriptions"][0]["paymentCollectionMethod"] = "CHARGE"
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "NO_PAYMENT_METHOD")
    attach_card(harness, "c-1", "4242")
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1"]
    assert subscription["collection_method"] == "charge_automatically"
    assert harness.world.stripe["invoices"][subscription["latest_invoice"]]["status"] == "paid"


def test_a_declined_card_is_that_subscriptions_error(harness_of: Build, small_world: WorldBuilder) -> None:
    for number in (0, 1):
        small_world.stigg["subscriptions"][number]["paymentCollectionMethod"] = "CHARGE"
    harness = harness_of(small_world)
    harness.reconcile()
    attach_card(harness, "c-1", "0341")
    attach_card(harness, "c-2", "4242")
    harness.reconcile()
    assert harness.status("s-1") == ("ERROR", "PAYMENT_FAILED")
    assert harness.status("s-2") == ("SUCCESS", "")


def attach_card(harness: Harness, customer: str, last4: str) -> None:
    """Change a subscription as a customer does in a hosted page."""
    (found,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == customer]
    builder = WorldBuilder(harness.world.now)
    builder.stripe_customer(found["id"], card=last4)
    (method,) = builder.stripe["payment_methods"]
    harness.world.put("payment_methods", method)
    harness.stripe().v1.customers.update(found["id"], {"invoice_settings": {"default_payment_method": method["id"]}})


def iso(seconds: int) -> str:
    from sandbox.world.state import iso as written

    return written(seconds)
