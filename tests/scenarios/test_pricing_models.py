"""Every pricing model in Stigg as Stripe bills it (BILLING 1-3); numbers from reference/stigg_pricing_examples.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit, tiered, usage
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
TIERS: list[tuple[float | None, float | None, float | None]] = [(5, 20, 10), (10, 15, 8), (None, 10, 5)]
STAIRS: list[tuple[float | None, float | None, float | None]] = [(10, None, 100), (50, None, 400), (None, None, 700)]


def first_invoice(harness: Harness, id: str) -> int:
    """Return the amount that Stripe's arithmetic, which is the sandbox's own, charges a new subscription at once."""
    (subscription,) = [s for s in harness.objects("subscriptions") if s["metadata"]["stiggEntityId"] == id]
    return int(harness.world.stripe["invoices"][subscription["latest_invoice"]]["total"])


def sold(small_world: WorldBuilder, *charges: dict[str, Any], units: int = 1) -> None:
    small_world.plan("model", "Model", list(charges))
    small_world.subscription("s-model", "c-1", "model", units={"seats": units})


@pytest.mark.parametrize(
    ("charge", "units", "cents", "why"),
    [
        (per_unit("seats", 15), 12, 18_000, "E1: 12 seats at 15"),
        (per_unit("seats", 10) | {"blockSize": 50}, 51, 2_000, "E5: 51 seats are two blocks"),
        (per_unit("seats", 10) | {"blockSize": 50}, 101, 3_000, "E5: 101 seats are three blocks"),
        (tiered("seats", [(5, 20, None), (10, 15, None), (None, 10, None)]), 20, 27_500, "E7: graduated"),
        (tiered("seats", TIERS), 20, 29_800, "E8: each entered tier's flat fee"),
        (tiered("seats", [(5, 20, None), (10, 15, None), (None, 10, None)], mode="VOLUME"), 20, 20_000, "E9: volume"),
        (tiered("seats", [(5, 20, None), (10, 15, None), (None, 10, None)], mode="VOLUME"), 6, 9_000, "E10: it drops"),
        (tiered("seats", TIERS, mode="VOLUME"), 7, 11_300, "E11: the tier's flat fee"),
        (tiered("seats", STAIRS, mode="VOLUME"), 11, 40_000, "E12: a stair"),
        (tiered("seats", STAIRS, mode="VOLUME"), 51, 70_000, "E12: the last stair"),
        (tiered("seats", [(500, 3, None), (None, 2, None)], blockSize=100), 1_001, 2_700, "tiers of blocks: 5x3 + 6x2"),
    ],
)  # fmt: skip
def test_a_model_costs_what_its_documentation_says(
    harness_of: Build, small_world: WorldBuilder, charge: dict[str, Any], units: int, cents: int, why: str
) -> None:
    sold(small_world, charge, units=units)
    harness = harness_of(small_world)
    stored = harness.plan()
    (action,) = [a for a in stored.plan.actions if a.target.endswith(":s-model") and a.kind == "subscription.create"]
    assert action.due_now == {"usd": cents}, why
    harness.reconcile()
    assert harness.status("s-model") == ("SUCCESS", "")
    assert first_invoice(harness, "s-model") == cents, why
    assert harness.plan().plan.actions == []


def test_usage_is_anchored_by_an_item_of_nothing_on_the_charges_own_product(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.feature("calls", "API calls")
    sold(small_world, flat(20), usage("calls", 0.0027))
    harness = harness_of(small_world)
    harness.reconcile()
    (price,) = [p for p in harness.objects("prices") if p["lookup_key"] == "test:plan:model:calls:monthly:default"]
    assert (price["unit_amount"], price["recurring"]["usage_type"]) == (0, "licensed")
    assert harness.world.stripe["products"][price["product"]]["name"] == "Acme Model Plan - API calls"
    assert first_invoice(harness, "s-model") == 2000
    assert harness.plan().plan.actions == []


def test_usage_by_tiers_needs_no_tiers_in_stripe_and_a_new_tariff_no_new_price(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    sold(small_world, flat(20), tiered("seats", TIERS, model="USAGE_BASED"))
    harness = harness_of(small_world)
    harness.reconcile()
    count = len(harness.objects("prices"))
    small_world.plan("model", "Model", [flat(20), tiered("seats", STAIRS, model="USAGE_BASED")], version=2)
    harness.merge(small_world)
    assert harness.plan().plan.actions == []
    assert len(harness.objects("prices")) == count


def test_a_one_off_charge_is_on_the_first_invoice_and_never_again(harness_of: Build, small_world: WorldBuilder) -> None:
    sold(small_world, flat(20), flat(99) | {"billingCadence": "ONE_OFF"})
    harness = harness_of(small_world)
    harness.reconcile()
    assert first_invoice(harness, "s-model") == 11_900
    (price,) = [p for p in harness.objects("prices") if p["type"] == "one_time"]
    assert (price["unit_amount"], price["recurring"]) == (9900, None)
    assert harness.plan().plan.actions == []


def test_a_one_off_charge_that_comes_later_is_an_invoice_item_once(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.plan("model", "Model", [flat(20), flat(99) | {"billingCadence": "ONE_OFF"}])
    row = small_world.subscription("s-model", "c-1", "model")
    one_off = row["prices"].pop()
    harness = harness_of(small_world)
    harness.reconcile()
    row["prices"].append(one_off)
    harness.merge(small_world)
    stored = harness.plan()
    assert [(a.kind, a.due_now) for a in stored.plan.actions] == [
        ("invoiceitem.create", {"usd": 9900}), ("subscription.update", {}),
    ]  # fmt: skip
    assert stored.plan.actions[0].target.startswith("oneoff:test:s-model:"), "its key is of this environment alone"
    harness.reconcile()
    assert [i["amount"] for i in harness.objects("invoiceitems")] == [9900]
    assert harness.plan().plan.actions == []


def test_a_minimum_spend_is_charged_in_advance(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.feature("calls", "API calls")
    plan = small_world.plan("model", "Model", [usage("calls", 0.01)])
    plan["minimumSpend"] = [{"billingPeriod": "MONTHLY", "minimum": {"amount": 100, "currency": "USD"}}]
    row = small_world.subscription("s-model", "c-1", "model")
    row["minimumSpend"] = {"isOverride": False, "minimum": {"amount": 100, "currency": "USD"}}
    harness = harness_of(small_world)
    harness.reconcile()
    assert first_invoice(harness, "s-model") == 10_000, "E18: at the start of the period"
    names = {p["name"] for p in harness.objects("products")}
    assert "Acme Model Plan - Minimum spend" in names
    assert harness.plan().plan.actions == []


def test_overage_has_a_product_for_its_lines_and_costs_nothing_in_advance(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    plan = small_world.plan("model", "Model", [per_unit("seats", 15)])
    plan["overagePrices"] = [usage("seats", 0.01) | {"id": "overage-1"}]
    small_world.subscription("s-model", "c-1", "model", units={"seats": 2})
    harness = harness_of(small_world)
    harness.reconcile()
    assert "Acme Model Plan - Seats, overage" in {p["name"] for p in harness.objects("products")}
    assert first_invoice(harness, "s-model") == 3_000


def test_credits_are_that_plans_error_with_a_reason(harness_of: Build, small_world: WorldBuilder) -> None:
    sold(small_world, flat(20) | {"billingModel": "CREDIT_BASED"})
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("model") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert harness.status("s-model") == ("ERROR", "PRICING_MODEL_NOT_SUPPORTED")
    assert harness.status("s-1") == ("SUCCESS", "")


def test_a_localized_price_is_a_price_of_its_own(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.plan("model", "Model", [flat(20), flat(16, country="IL"), flat(2400, currency="JPY", country="JP"),
                                 flat(999, currency="INR", country="IN")])  # fmt: skip
    harness = harness_of(small_world)
    harness.reconcile()
    held = {p["lookup_key"]: (p["currency"], p["unit_amount"]) for p in harness.objects("prices") if p["lookup_key"]}
    expected_price = {"default": ("usd", 2000), "IL": ("usd", 1600), "JP": ("jpy", 2400), "IN": ("inr", 99900)}
    assert {k.rpartition(":")[2]: v for k, v in held.items() if ":model:" in k} == expected_price, "E22"


def test_a_price_override_is_the_subscriptions_own_and_ends_with_it(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    row = small_world.stigg["subscriptions"][0]
    catalog_price = dict(row["prices"][0])
    own = {**flat(12), "id": "override-1", "isOverridePrice": True, "amount": None}
    row["prices"][0] = row["prices"][0] | {"price": own}
    harness = harness_of(small_world)
    harness.reconcile()
    (price,) = [p for p in harness.objects("prices") if p["unit_amount"] == 1200]
    assert (price["lookup_key"], price["active"]) == (None, True)
    assert price["product"] == "test--plan--pro--base"
    assert first_invoice(harness, "s-1") == 1200 + 1000
    assert harness.plan().plan.actions == []

    row["prices"][0] = catalog_price
    harness.merge(small_world)
    harness.reconcile()
    assert price["active"] is False, "archived when its item is gone"
    assert harness.plan().plan.actions == []


def test_a_charge_that_a_plan_no_longer_has_gives_up_its_key_and_is_archived_when_nobody_needs_it(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.plan("extra", "Extra", [flat(5), per_unit("seats", 3)])
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.plan("extra", "Extra", [flat(5)], version=2)
    harness.merge(small_world)
    harness.reconcile()
    (price,) = [p for p in harness.objects("prices") if p["product"] == "test--plan--extra--seats"]
    assert (price["lookup_key"], price["active"]) == (None, False)
    product = harness.world.stripe["products"]["test--plan--extra--seats"]
    assert (product["active"], product["default_price"]) == (False, None)
    assert harness.plan().plan.actions == []


def test_an_archived_plan_is_inactive_when_nobody_is_on_it_and_as_it_was_before(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.plan("old", "Old", [flat(5)])
    harness = harness_of(small_world)
    harness.reconcile()
    for plan in small_world.stigg["plans"]:
        plan["status"] = "ARCHIVED"
    harness.merge(small_world)
    stored = harness.plan()
    assert {a.target for a in stored.plan.actions} == {"product:test:plan:old", "product:test:plan:old:base"}
    harness.reconcile()
    active = {p["id"]: p["active"] for p in harness.objects("products")}
    assert (active["test--plan--old"], active["test--plan--pro"], active["test--plan--pro--seats"]) == (
        False,
        True,
        True,
    )
    assert harness.status("old") == ("NO_SYNC_REQUIRED", "ARCHIVED")
    assert harness.plan().plan.actions == []


def test_grandfathering_over_several_versions_keeps_each_price_that_somebody_is_on(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    for version, amount in ((2, 30), (3, 40), (4, 50)):
        small_world.plan("pro", "Pro", [flat(amount), per_unit("seats", 5)], version=version)
        if version == 3:
            small_world.customer("c-9", "Nine", "nine@example.test")
            small_world.subscription("s-9", "c-9", "pro", units={"seats": 1})
        harness.merge(small_world)
        harness.reconcile()
    base = {p["unit_amount"]: p["active"] for p in harness.objects("prices") if p["product"] == "test--plan--pro--base"}
    assert base == {2000: True, 3000: False, 4000: True, 5000: True}
    assert harness.plan().plan.actions == []


def test_the_price_that_a_future_update_moves_to_is_kept(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.plan("next", "Next", [flat(30)])
    small_world.stigg["subscriptions"][0]["futureUpdates"] = [
        {"scheduledExecutionTime": "2026-12-16T06:00:00.000Z", "scheduleStatus": "Scheduled",
         "targetPackage": {"refId": "next", "versionNumber": 1}}
    ]  # fmt: skip
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.plan("next", "Next", [flat(35)], version=2)
    harness.merge(small_world)
    harness.reconcile()
    (price,) = [p for p in harness.objects("prices") if p["unit_amount"] == 3000]
    assert (price["active"], price["lookup_key"]) == (True, None)


def test_two_plans_of_one_name_in_two_products_are_two(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.product("other", "Other")
    small_world.plan("pro-2", "Pro", [flat(7)], product="other")
    harness = harness_of(small_world)
    harness.reconcile()
    assert {"Acme Pro Plan", "Other Pro Plan"} <= {p["name"] for p in harness.objects("products")}
