"""A first run makes everything; a second one finds nothing to do (invariants 1 and 4)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder, flat
from stripe_sync.core import keys
from stripe_sync.domain.drift.rows import DriftRow
from stripe_sync.domain.plan.explain import explain
from tests.house import House

Build = Callable[[WorldBuilder], House]


def test_a_first_run_makes_what_stigg_says(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    result = house.reconcile()
    assert result["made"] == {
        "product.create": 5,
        "price.create": 3,
        "product.set_default": 3,
        "customer.create": 3,
        "subscription.create": 3,
    }
    names = {p["name"] for p in house.objects("products")}
    assert names == {
        "Acme Pro Plan",
        "Acme Pro Plan - Base fee",
        "Acme Pro Plan - Seats",
        "Acme Support Add-on",
        "Acme Support Add-on - Base fee",
    }
    first = next(s for s in house.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1")
    assert sorted((i["price"]["unit_amount"], i["quantity"]) for i in first["items"]["data"]) == [(500, 2), (2000, 1)]
    assert first["billing_mode"]["type"] == "flexible"
    assert first["start_date"] == house.world.now - 3 * 3600, "billed from when it began in Stigg"
    invoice = house.world.stripe["invoices"][first["latest_invoice"]]
    assert invoice["total"] == 2000 + 2 * 500, "a full month, by hand: 20.00 + 2 x 5.00"


def test_a_second_run_plans_nothing_byte_for_byte_the_same(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before, writes = house.frozen(), house.writes()
    plans = [house.plan() for _ in range(2)]
    assert [len(p.plan.actions) for p in plans] == [0, 0]
    texts = ["\n".join(explain(p.plan, p.verdicts, no_drift(), p.unplanned)) for p in plans]
    assert texts[0] == texts[1]
    assert house.reconcile()["results"] == {}
    assert house.frozen() == before
    assert house.writes() == writes


def test_the_same_drift_is_the_same_plan(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    one, other = house.plan(), house.plan()
    assert one.plan == other.plan
    assert one.plan.hash == other.plan.hash


def no_drift() -> list[DriftRow]:
    return []


def test_what_stripe_normalises_is_not_drift(house_of: Build, town: WorldBuilder) -> None:
    """Prices with and without decimals, an absent e-mail, an empty name, an address with emoji and right-to-left text."""
    town.stigg["plans"][0]["prices"][0]["price"]["amount"] = 20.0
    town.stigg["plans"][0]["prices"][1]["price"]["amount"] = 0.00005
    town.customer("c-4", "שלום 🧑‍🚀 é", None)
    town.subscription("s-4", "c-4", "pro")
    town.customer("c-5", "", "")
    town.subscription("s-5", "c-5", "pro")
    house = house_of(town)
    house.reconcile()
    prices = {p["unit_amount_decimal"] for p in house.objects("prices")}
    assert "0.005" in prices
    assert {c["name"] for c in house.objects("customers")} >= {"שלום 🧑‍🚀 é", None}
    assert house.plan().plan.actions == []


def test_every_entity_has_a_status_and_a_reason(house_of: Build, town: WorldBuilder) -> None:
    town.plan("free", "Free", [], pricing="FREE")
    town.customer("c-free", "Free", "free@example.test")
    town.subscription("s-free", "c-free", "free", method="NONE")
    town.customer("c-none", "None", "none@example.test")
    house = house_of(town)
    house.reconcile()
    assert house.status("s-1") == ("SUCCESS", "")
    assert house.status("pro") == ("SUCCESS", "")
    assert house.status("acme") == ("NO_SYNC_REQUIRED", "NOT_MAPPED")
    assert house.status("free") == ("NO_SYNC_REQUIRED", "FREE")
    assert house.status("s-free") == ("NO_SYNC_REQUIRED", "FREE")
    assert house.status("c-free") == ("NO_SYNC_REQUIRED", "ONLY_FREE")
    assert house.status("c-none") == ("NO_SYNC_REQUIRED", "NO_SUBSCRIPTION")


def test_running_a_finished_run_again_writes_nothing_twice(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    first = house.reconcile("the-run")
    before, writes = house.frozen(), house.writes()
    assert house.reconcile("the-run") == first
    assert (house.frozen(), house.writes()) == (before, writes)


def test_only_the_chosen_customer_is_planned(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile(entities=["product", "price"])
    stored = house.plan(customers=["c-2"])
    assert {a.target for a in stored.plan.actions} == {"customer:test:c-2", "subscription:test:s-2"}


def test_a_chosen_customer_comes_with_the_prices_of_their_own(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile(entities=["product", "price"])
    for id in ("s-1", "s-2"):
        (flat_fee, *_) = house.stigg("subscriptions", subscriptionId=id)["prices"]
        flat_fee["price"] = {**flat(12), "id": f"price-of-{id}", "isOverridePrice": True}
    actions = house.plan(customers=["c-2"]).plan.actions
    assert {a.kind for a in actions} == {"price.create", "customer.create", "subscription.create"}
    assert {keys.owner(a.target) for a in actions} == {"customer:test:c-2", "subscription:test:s-2"}
