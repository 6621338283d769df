"""Own objects, own fields, own elements of lists: nothing foreign is ever touched (invariants 2 and 3; BILLING 11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from stripe_sync.core.errors import AccountRefused
from stripe_sync.warehouse.comparisons import links
from tests import warehouses
from tests.house import House

Build = Callable[[WorldBuilder], House]


def owned(house: House, collection: str, id: str) -> dict[str, Any]:
    (found,) = [o for o in house.objects(collection) if o.get("metadata", {}).get("stiggEntityId") == id]
    return found


def test_foreign_objects_items_and_metadata_survive_byte_for_byte(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    api = house.stripe()
    product = api.v1.products.create({"name": "A person's product", "metadata": {"mine": "yes"}})
    price = api.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}}
    )
    stranger = api.v1.customers.create({"name": "A stranger", "email": "s@example.test"})
    subscription = owned(house, "subscriptions", "s-1")
    api.v1.subscriptions.update(
        subscription["id"], {"items": [{"price": price.id, "quantity": 2}], "proration_behavior": "none"}
    )
    api.v1.customers.update(subscription["customer"], {"metadata": {"crm": "42"}, "phone": "+1 555"})
    foreign = json.dumps([house.world.stripe[c][i] for c, i in (
        ("products", product.id), ("prices", price.id), ("customers", stranger.id))], sort_keys=True)  # fmt: skip
    assert house.plan().plan.actions == []

    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 8
    town.stigg["customers"][0]["name"] = "Renamed"
    house.merge(town)
    house.reconcile()

    after = json.dumps([house.world.stripe[c][i] for c, i in (
        ("products", product.id), ("prices", price.id), ("customers", stranger.id))], sort_keys=True)  # fmt: skip
    assert after == foreign
    items = {i["price"]["id"]: i["quantity"] for i in owned(house, "subscriptions", "s-1")["items"]["data"]}
    assert items[price.id] == 2
    assert sorted(items.values()) == [1, 2, 8]
    customer = owned(house, "customers", "c-1")
    assert (customer["name"], customer["metadata"]["crm"], customer["phone"]) == ("Renamed", "42", "+1 555")


def test_links_are_rebuilt_from_marks_after_the_warehouse_was_lost(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before, writes = house.frozen(), house.writes()
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        assert house.plan().plan.actions == []
        assert house.reconcile()["results"] == {}
    assert (house.frozen(), house.writes()) == (before, writes)


def test_a_mark_under_another_secret_proves_nothing(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    writes = house.writes()
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url, house.secret = engine, url, "another-secret"
        with pytest.raises(AccountRefused, match="its secret lost"):
            house.reconcile()
        with engine.connect() as connection:
            assert links.counts(connection, "test") == {}
    assert house.writes() == writes


def test_a_renamed_environment_does_not_make_everything_again(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    writes = house.writes()
    house.change(name="renamed", secret_connection="stripe_sync_test")
    with pytest.raises(AccountRefused, match="renamed"):
        house.reconcile()
    assert house.writes() == writes


def test_a_lookup_key_is_not_taken_from_a_persons_price(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    product = house.stripe().v1.products.create({"name": "A person's"})
    price = house.stripe().v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1,
            "lookup_key": "test:addon:support:base:monthly:default",
        }
    )
    house.reconcile()
    assert house.world.stripe["prices"][price.id]["lookup_key"] == "test:addon:support:base:monthly:default"
    assert house.status("support") == ("ERROR", "STRIPE_REFUSED")
    assert house.status("s-1") == ("SUCCESS", "")


def test_a_customer_that_stripe_bills_in_another_currency_is_that_subscriptions_error(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    town.plan("euro", "Euro", [flat(9, currency="EUR")])
    town.subscription("s-euro", "c-1", "euro")
    house.merge(town)
    house.reconcile()
    assert house.status("s-euro") == ("ERROR", "MIXED_CURRENCIES")


def test_a_mark_that_a_person_copied_links_neither(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    mark = owned(house, "customers", "c-1")["metadata"]["stiggSyncKey"]
    house.stripe().v1.customers.create({"name": "Copy", "metadata": {"stiggSyncKey": mark}})
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        session = house.session()
        run = house.run(session)
        from stripe_sync.jobs.reconcile.steps.extract import extract_stripe

        result = extract_stripe(session, run)
        assert {key for key, _ in result["candidates"]} == {"customer:test:c-1"}
        assert len(result["candidates"]) == 2
        with engine.connect() as connection:
            assert not links.of_keys(connection, "test", ["customer:test:c-1"])
        session.close()


def test_a_product_id_that_is_taken_is_that_plans_error_and_all_others_go_on(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.stripe().v1.products.create({"id": "test--addon--support--base", "name": "A person's"})
    house.reconcile()
    assert house.status("support") == ("ERROR", "ID_TAKEN")
    assert house.status("pro") == ("SUCCESS", "")
    assert house.status("s-1") == ("SUCCESS", "")
    assert house.world.stripe["products"]["test--addon--support--base"]["name"] == "A person's"


def test_a_customer_deleted_in_stripe_is_an_error_and_is_not_made_again(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    house.stripe().v1.customers.delete(owned(house, "customers", "c-2")["id"])
    count = len(house.objects("customers"))
    assert house.plan().plan.actions == [], "Stripe ended its subscription; nobody canceled it (BILLING 5)"
    house.reconcile()
    assert house.status("c-2") == ("ERROR", "CUSTOMER_DELETED")
    assert house.status("s-2") == ("ERROR", "CUSTOMER_DELETED")
    assert house.status("c-1") == ("SUCCESS", "")
    assert len(house.objects("customers")) == count


def test_a_subscription_canceled_in_stripe_is_not_made_again(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    house.stripe().v1.subscriptions.cancel(owned(house, "subscriptions", "s-1")["id"])
    house.reconcile()
    assert house.status("s-1") == ("PENDING", "OBSERVED_ONLY"), (
        "the lane stigg-cancellations observes unless it is told"
    )
    assert len(house.objects("subscriptions")) == 3


def test_a_product_deleted_in_stripe_is_not_made_again(house_of: Build, town: WorldBuilder) -> None:
    town.plan("empty", "Empty", town.stigg["plans"][0]["prices"][:1])
    house = house_of(town)
    house.reconcile(entities=["product"])
    house.stripe().v1.products.delete("test--plan--empty")
    house.reconcile()
    assert house.status("empty") == ("ERROR", "DELETED_IN_STRIPE")
    assert "test--plan--empty" not in house.world.stripe["products"]
    assert house.status("pro") == ("SUCCESS", "")


def test_more_than_ten_items_are_read_in_full(house_of: Build, town: WorldBuilder) -> None:
    for number in range(12):
        town.addon(f"extra-{number}", f"Extra {number}", [flat(1 + number)])
    town.stigg["subscriptions"][0]["addons"] = [town.addon_of("s-1", f"extra-{n}", 1, "MONTHLY") for n in range(12)]
    house = house_of(town)
    house.reconcile()
    assert len(owned(house, "subscriptions", "s-1")["items"]["data"]) == 14
    assert house.plan().plan.actions == []


def test_a_person_who_edits_our_fields_is_corrected_and_one_who_edits_others_is_not(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    id = owned(house, "customers", "c-1")["id"]
    house.stripe().v1.customers.update(id, {"name": "Typo", "preferred_locales": ["de"]})
    (action,) = house.plan().plan.actions
    assert action.after == {"name": "Customer 1"}
    house.reconcile()
    assert owned(house, "customers", "c-1")["preferred_locales"] == ["de"]
    assert owned(house, "customers", "c-1")["name"] == "Customer 1"
