"""A first run makes everything; a second one finds nothing to do (invariants 1 and 4)."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder, flat
from stripe_sync.core import keys
from stripe_sync.domain.drift.rows import DriftRow
from stripe_sync.domain.plan.explain import explain
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def test_a_first_run_makes_what_stigg_says(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    result = harness.reconcile()
    assert result["made"] == {
        "product.create": 5,
        "price.create": 3,
        "product.set_default": 3,
        "customer.create": 3,
        "subscription.create": 3,
    }
    names = {p["name"] for p in harness.objects("products")}
    assert names == {
        "Acme Pro Plan",
        "Acme Pro Plan - Base fee",
        "Acme Pro Plan - Seats",
        "Acme Support Add-on",
        "Acme Support Add-on - Base fee",
    }
    first = next(s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == "s-1")
    assert sorted((i["price"]["unit_amount"], i["quantity"]) for i in first["items"]["data"]) == [(500, 2), (2000, 1)]
    assert first["billing_mode"]["type"] == "flexible"
    assert first["start_date"] == harness.world.now - 3 * 3600, "billed from when it began in Stigg"
    invoice = harness.world.stripe["invoices"][first["latest_invoice"]]
    assert invoice["total"] == 2000 + 2 * 500, "a full month, by hand: 20.00 + 2 x 5.00"


def test_a_second_run_plans_nothing_byte_for_byte_the_same(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before, writes = harness.frozen(), harness.writes()
    plans = [harness.plan() for _ in range(2)]
    assert [len(p.plan.actions) for p in plans] == [0, 0]
    texts = ["\n".join(explain(p.plan, p.guard_results, no_drift(), p.unplanned)) for p in plans]
    assert texts[0] == texts[1]
    assert harness.reconcile()["results"] == {}
    assert harness.frozen() == before
    assert harness.writes() == writes


def test_the_same_drift_is_the_same_plan(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    one, other = harness.plan(), harness.plan()
    assert one.plan == other.plan
    assert one.plan.hash == other.plan.hash


def no_drift() -> list[DriftRow]:
    return []


def test_what_stripe_normalises_is_not_drift(harness_of: Build, small_world: WorldBuilder) -> None:
    """Prices with and without decimals, an absent e-mail, an empty name, an address with emoji and right-to-left text."""
    small_world.stigg["plans"][0]["prices"][0]["price"]["amount"] = 20.0
    small_world.stigg["plans"][0]["prices"][1]["price"]["amount"] = 0.00005
    small_world.customer("c-4", "שלום 🧑‍🚀 é", None)
    small_world.subscription("s-4", "c-4", "pro")
    small_world.customer("c-5", "", "")
    small_world.subscription("s-5", "c-5", "pro")
    harness = harness_of(small_world)
    harness.reconcile()
    prices = {p["unit_amount_decimal"] for p in harness.objects("prices")}
    assert "0.005" in prices
    assert {c["name"] for c in harness.objects("customers")} >= {"שלום 🧑‍🚀 é", None}
    assert harness.plan().plan.actions == []


def test_every_entity_has_a_status_and_a_reason(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.plan("free", "Free", [], pricing="FREE")
    small_world.customer("c-free", "Free", "free@example.test")
    small_world.subscription("s-free", "c-free", "free", method="NONE")
    small_world.customer("c-none", "None", "none@example.test")
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("s-1") == ("SUCCESS", "")
    assert harness.status("pro") == ("SUCCESS", "")
    assert harness.status("acme") == ("NO_SYNC_REQUIRED", "NOT_MAPPED")
    assert harness.status("free") == ("NO_SYNC_REQUIRED", "FREE")
    assert harness.status("s-free") == ("NO_SYNC_REQUIRED", "FREE")
    assert harness.status("c-free") == ("NO_SYNC_REQUIRED", "ONLY_FREE")
    assert harness.status("c-none") == ("NO_SYNC_REQUIRED", "NO_SUBSCRIPTION")


def test_running_a_finished_run_again_writes_nothing_twice(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    first = harness.reconcile("the-run")
    before, writes = harness.frozen(), harness.writes()
    assert harness.reconcile("the-run") == first
    assert (harness.frozen(), harness.writes()) == (before, writes)


def test_only_the_chosen_customer_is_planned(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price"])
    stored = harness.plan(customers=["c-2"])
    assert {a.target for a in stored.plan.actions} == {"customer:test:c-2", "subscription:test:s-2"}


def test_a_chosen_customer_comes_with_the_prices_of_their_own(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile(entities=["product", "price"])
    for id in ("s-1", "s-2"):
        (flat_fee, *_) = harness.stigg("subscriptions", subscriptionId=id)["prices"]
        flat_fee["price"] = {**flat(12), "id": f"price-of-{id}", "isOverridePrice": True}
    actions = harness.plan(customers=["c-2"]).plan.actions
    assert {a.kind for a in actions} == {"price.create", "customer.create", "subscription.create"}
    assert {keys.owner(a.target) for a in actions} == {"customer:test:c-2", "subscription:test:s-2"}
