"""Own objects, own fields, own elements of lists: nothing foreign is ever touched (invariants 2 and 3; BILLING 11)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat
from stripe_sync.core.errors import AccountRefused
from stripe_sync.warehouse.comparisons import links
from tests.support import warehouses
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def owned(harness: Harness, collection: str, id: str) -> dict[str, Any]:
    (found,) = [o for o in harness.objects(collection) if o.get("metadata", {}).get("stiggEntityId") == id]
    return found


def test_foreign_objects_items_and_metadata_survive_byte_for_byte(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    api = harness.stripe()
    product = api.v1.products.create({"name": "A person's product", "metadata": {"mine": "yes"}})
    price = api.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}}
    )
    foreign_customer = api.v1.customers.create({"name": "A foreign customer", "email": "s@example.test"})
    subscription = owned(harness, "subscriptions", "s-1")
    api.v1.subscriptions.update(
        subscription["id"], {"items": [{"price": price.id, "quantity": 2}], "proration_behavior": "none"}
    )
    api.v1.customers.update(subscription["customer"], {"metadata": {"crm": "42"}, "phone": "+1 555"})
    foreign = json.dumps([harness.world.stripe[c][i] for c, i in (
        ("products", product.id), ("prices", price.id), ("customers", foreign_customer.id))], sort_keys=True)  # fmt: skip
    assert harness.plan().plan.actions == []

    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 8
    small_world.stigg["customers"][0]["name"] = "Renamed"
    harness.merge(small_world)
    harness.reconcile()

    after = json.dumps([harness.world.stripe[c][i] for c, i in (
        ("products", product.id), ("prices", price.id), ("customers", foreign_customer.id))], sort_keys=True)  # fmt: skip
    assert after == foreign
    items = {i["price"]["id"]: i["quantity"] for i in owned(harness, "subscriptions", "s-1")["items"]["data"]}
    assert items[price.id] == 2
    assert sorted(items.values()) == [1, 2, 8]
    customer = owned(harness, "customers", "c-1")
    assert (customer["name"], customer["metadata"]["crm"], customer["phone"]) == ("Renamed", "42", "+1 555")


def test_links_are_rebuilt_from_marks_after_the_warehouse_was_lost(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before, writes = harness.frozen(), harness.writes()
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        assert harness.plan().plan.actions == []
        assert harness.reconcile()["results"] == {}
    assert (harness.frozen(), harness.writes()) == (before, writes)


def test_a_mark_under_another_secret_proves_nothing(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    writes = harness.writes()
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url, harness.secret = engine, url, "another-secret"
        with pytest.raises(AccountRefused, match="its secret was replaced"):
            harness.reconcile()
        with engine.connect() as connection:
            assert links.counts(connection, "test") == {}
    assert harness.writes() == writes


def test_a_renamed_environment_does_not_make_everything_again(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    writes = harness.writes()
    harness.change(name="renamed", secret_connection="stripe_sync_test")
    with pytest.raises(AccountRefused, match="renamed"):
        harness.reconcile()
    assert harness.writes() == writes


def test_a_lookup_key_is_not_taken_from_a_persons_price(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    product = harness.stripe().v1.products.create({"name": "A person's"})
    price = harness.stripe().v1.prices.create(
        {
            "product": product.id,
            "currency": "usd",
            "unit_amount": 1,
            "lookup_key": "test:addon:support:base:monthly:default",
        }
    )
    harness.reconcile()
    assert harness.world.stripe["prices"][price.id]["lookup_key"] == "test:addon:support:base:monthly:default"
    assert harness.status("support") == ("ERROR", "STRIPE_REFUSED")
    assert harness.status("s-1") == ("SUCCESS", "")


def test_a_customer_that_stripe_bills_in_another_currency_is_that_subscriptions_error(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.plan("euro", "Euro", [flat(9, currency="EUR")])
    small_world.subscription("s-euro", "c-1", "euro")
    harness.merge(small_world)
    harness.reconcile()
    assert harness.status("s-euro") == ("ERROR", "MIXED_CURRENCIES")


def test_a_mark_that_a_person_copied_links_neither(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    mark = owned(harness, "customers", "c-1")["metadata"]["stiggSyncKey"]
    harness.stripe().v1.customers.create({"name": "Copy", "metadata": {"stiggSyncKey": mark}})
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        session = harness.session()
        run = harness.run(session)
        from stripe_sync.jobs.reconcile.steps.extract_stripe import extract_stripe

        result = extract_stripe(session, run)
        assert {key for key, _ in result.candidates} == {"customer:test:c-1"}
        assert len(result.candidates) == 2
        with engine.connect() as connection:
            assert not links.of_keys(connection, "test", ["customer:test:c-1"])
        session.close()


def test_a_product_id_that_is_taken_is_that_plans_error_and_all_others_go_on(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.stripe().v1.products.create({"id": "test--addon--support--base", "name": "A person's"})
    harness.reconcile()
    assert harness.status("support") == ("ERROR", "ID_TAKEN")
    assert harness.status("pro") == ("SUCCESS", "")
    assert harness.status("s-1") == ("SUCCESS", "")
    assert harness.world.stripe["products"]["test--addon--support--base"]["name"] == "A person's"


def test_a_customer_deleted_in_stripe_is_an_error_and_is_not_made_again(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.stripe().v1.customers.delete(owned(harness, "customers", "c-2")["id"])
    count = len(harness.objects("customers"))
    assert harness.plan().plan.actions == [], "Stripe ended its subscription; nobody canceled it (BILLING 5)"
    harness.reconcile()
    assert harness.status("c-2") == ("ERROR", "CUSTOMER_DELETED")
    assert harness.status("s-2") == ("ERROR", "CUSTOMER_DELETED")
    assert harness.status("c-1") == ("SUCCESS", "")
    assert len(harness.objects("customers")) == count


def test_a_subscription_canceled_in_stripe_is_not_made_again(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    harness.stripe().v1.subscriptions.cancel(owned(harness, "subscriptions", "s-1")["id"])
    harness.reconcile()
    assert harness.status("s-1") == ("PENDING", "OBSERVED_ONLY"), (
        "the lane stigg-cancellations observes unless it is told"
    )
    assert len(harness.objects("subscriptions")) == 3


def test_a_product_deleted_in_stripe_is_not_made_again(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.plan("empty", "Empty", small_world.stigg["plans"][0]["prices"][:1])
    harness = harness_of(small_world)
    harness.reconcile(entities=["product"])
    harness.stripe().v1.products.delete("test--plan--empty")
    harness.reconcile()
    assert harness.status("empty") == ("ERROR", "DELETED_IN_STRIPE")
    assert "test--plan--empty" not in harness.world.stripe["products"]
    assert harness.status("pro") == ("SUCCESS", "")


def test_more_than_ten_items_are_read_in_full(harness_of: Build, small_world: WorldBuilder) -> None:
    for number in range(12):
        small_world.addon(f"extra-{number}", f"Extra {number}", [flat(1 + number)])
    small_world.stigg["subscriptions"][0]["addons"] = [
        small_world.addon_of("s-1", f"extra-{n}", 1, "MONTHLY") for n in range(12)
    ]
    harness = harness_of(small_world)
    harness.reconcile()
    assert len(owned(harness, "subscriptions", "s-1")["items"]["data"]) == 14
    assert harness.plan().plan.actions == []


def test_a_person_who_edits_our_fields_is_corrected_and_one_who_edits_others_is_not(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    id = owned(harness, "customers", "c-1")["id"]
    harness.stripe().v1.customers.update(id, {"name": "Typo", "preferred_locales": ["de"]})
    (action,) = harness.plan().plan.actions
    assert action.after == {"name": "Customer 1"}
    harness.reconcile()
    assert owned(harness, "customers", "c-1")["preferred_locales"] == ["de"]
    assert owned(harness, "customers", "c-1")["name"] == "Customer 1"
