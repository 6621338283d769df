"""Coupons and discounts (BILLING 4): content, life, at most once; foreign ones are not changed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.builder import WorldBuilder
from tests.support import warehouses
from tests.support.harness import Harness
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def subscription(harness: Harness, id: str) -> dict[str, Any]:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def coupons_on(harness: Harness, id: str) -> list[str]:
    """The coupon ids behind a subscription's discounts."""
    return [harness.world.stripe["discounts"][d]["source"]["coupon"] for d in subscription(harness, id)["discounts"]]


def discounted(small_world: WorldBuilder) -> None:
    small_world.coupon("half", percent=50)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("half")]


def test_a_coupon_is_on_the_first_invoice_and_on_the_subscription_not_on_the_customer(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    discounted(small_world)
    harness = harness_of(small_world)
    stored = harness.plan()
    (create,) = [a for a in stored.plan.actions if a.kind == "subscription.create" and a.target.endswith("s-1")]
    harness.reconcile()
    found = subscription(harness, "s-1")
    invoice = harness.world.stripe["invoices"][found["latest_invoice"]]
    assert (invoice["subtotal"], invoice["total"]) == (3000, 1500)
    assert create.due_now["usd"] in (1500, 3000), "asked of Stripe only where the customer exists already"
    assert len(found["discounts"]) == 1
    assert all(c["discount"] is None for c in harness.objects("customers"))
    assert harness.plan().plan.actions == []


def test_what_a_fixed_coupon_takes_off_has_an_amount_a_currency(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.coupon("ten", off={"USD": 10, "EUR": 9, "JPY": 1500})
    harness = harness_of(small_world)
    harness.reconcile()
    (coupon,) = harness.objects("coupons")
    assert (coupon["amount_off"], coupon["currency"], coupon["duration"]) == (1000, "usd", "forever")
    assert {c: o["amount_off"] for c, o in coupon["currency_options"].items()} == {"usd": 1000, "eur": 900, "jpy": 1500}
    assert harness.status("ten") == ("SUCCESS", "")


def test_other_content_is_another_coupon_and_a_new_name_is_an_update(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    row = small_world.coupon("half", percent=50)
    harness = harness_of(small_world)
    harness.reconcile()
    (first,) = harness.objects("coupons")
    row["name"] = "A name that is a good deal longer than forty characters"
    harness.merge(small_world)
    harness.reconcile()
    assert first["name"] == "A name that is a good deal longer than …"
    row["percentOff"] = 60
    harness.merge(small_world)
    harness.reconcile()
    (second,) = harness.objects("coupons")
    assert (second["percent_off"], second["id"] != first["id"]) == (60, True), "the old one is deleted"
    assert harness.plan().plan.actions == []


def test_an_archived_coupon_is_deleted_and_its_discounts_stay(harness_of: Build, small_world: WorldBuilder) -> None:
    discounted(small_world)
    harness = harness_of(small_world)
    harness.reconcile()
    before = subscription(harness, "s-1")["discounts"]
    small_world.stigg["coupons"][0]["status"] = "ARCHIVED"
    harness.merge(small_world)
    harness.reconcile()
    assert harness.objects("coupons") == []
    assert subscription(harness, "s-1")["discounts"] == before
    assert harness.status("half") == ("NO_SYNC_REQUIRED", "ARCHIVED")
    assert harness.plan().plan.actions == [], "a discount of a deleted coupon is still known as ours"


@ends("coupon_id_reuse", yes="", no="-2")
def test_content_that_comes_back_is_made_again_whether_or_not_stripe_takes_the_id_again(
    harness_of: Build, small_world: WorldBuilder, end: str
) -> None:
    """The id of its content, or the next one where Stripe keeps the id of the deleted coupon."""
    row = small_world.coupon("half", percent=50)
    harness = harness_of(small_world)
    ids = []
    for percent in (50, 60, 50):
        row["percentOff"] = percent
        harness.merge(small_world)
        harness.reconcile()
        ids += [c["id"] for c in harness.objects("coupons")]
    (coupon,) = harness.objects("coupons")
    assert (coupon["id"], coupon["percent_off"]) == (ids[0] + end, 50)
    assert harness.status("half") == ("SUCCESS", "")
    assert harness.plan().plan.actions == []


def test_a_coupon_that_a_person_took_off_is_consumed_and_never_drift(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    discounted(small_world)
    harness = harness_of(small_world)
    harness.reconcile()
    harness.stripe().v1.subscriptions.update(subscription(harness, "s-1")["id"], {"discounts": ""})
    assert harness.plan().plan.actions == []
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        assert harness.plan().plan.actions == [], "the warehouse was lost; what was attached is written beside the mark"


def test_a_repeating_coupon_that_ended_in_stripe_is_not_attached_again(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.coupon("three", percent=10, durationInMonths=3)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("three")]
    harness = harness_of(small_world)
    harness.reconcile()
    subscription(harness, "s-1")["discounts"] = []
    assert [a.kind for a in harness.plan().plan.actions] == ["coupon.delete"], "its own coupon of two months goes"
    harness.reconcile()
    assert (coupons_on(harness, "s-1"), harness.plan().plan.actions) == ([], [])


def test_a_coupon_attached_late_is_one_with_the_months_that_remain(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.coupon("six", percent=10, durationInMonths=6)
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("six", hours_ago=70 * 24)]
    harness.merge(small_world)
    harness.reconcile()
    (id,) = coupons_on(harness, "s-1")
    assert len(harness.objects("coupons")) == 2, "the catalog's, and one of the subscription's own"
    assert harness.world.stripe["coupons"][id]["duration_in_months"] == 3, (
        "renewals begin in 3 of the 110 days that are left"
    )
    assert harness.plan().plan.actions == []


def test_a_coupon_whose_months_are_over_is_not_attached(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.coupon("one", percent=10, durationInMonths=1)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("one", hours_ago=40 * 24)]
    harness = harness_of(small_world)
    harness.reconcile()
    assert coupons_on(harness, "s-1") == []
    assert harness.plan().plan.actions == []


def test_an_ad_hoc_coupon_is_made_from_the_snapshot_and_ends_with_it(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    snapshot = {"refId": "adhoc-1", "name": "For you", "type": "FIXED", "amountsOff": [{"currency": "USD", "amount": 4}],
                "percentOff": None, "durationInMonths": None, "startDate": "2026-11-16T06:00:00.000Z",
                "status": "ACTIVE", "id": "x"}  # fmt: skip
    small_world.stigg["subscriptions"][0]["coupons"] = [snapshot]
    harness = harness_of(small_world)
    harness.reconcile()
    (id,) = coupons_on(harness, "s-1")
    assert harness.world.stripe["coupons"][id]["amount_off"] == 400
    assert harness.plan().plan.actions == []
    snapshot["status"] = "REMOVED"
    harness.merge(small_world)
    harness.reconcile()
    assert (coupons_on(harness, "s-1"), harness.objects("coupons")) == ([], [])
    assert harness.plan().plan.actions == []


def test_a_catalog_that_changed_since_does_not_change_what_was_applied(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    discounted(small_world)
    small_world.stigg["coupons"][0]["percentOff"] = 10
    harness = harness_of(small_world)
    harness.reconcile()
    (id,) = coupons_on(harness, "s-1")
    assert harness.world.stripe["coupons"][id]["percent_off"] == 50


def test_every_write_of_discounts_sends_each_one_that_stays(harness_of: Build, small_world: WorldBuilder) -> None:
    discounted(small_world)
    small_world.coupon("ten", off={"USD": 10})
    harness = harness_of(small_world)
    harness.reconcile()
    found = subscription(harness, "s-1")
    person = harness.stripe().v1.coupons.create({"percent_off": 5, "duration": "forever"})
    kept = [{"discount": id} for id in found["discounts"]]
    harness.stripe().v1.subscriptions.update(found["id"], {"discounts": [*kept, {"coupon": person.id}]})
    before = list(found["discounts"])
    small_world.stigg["subscriptions"][0]["coupons"].append(small_world.applied("ten"))
    harness.merge(small_world)
    harness.reconcile()
    assert found["discounts"][:2] == before, "ours and the person's are the same discounts as before"
    assert len(found["discounts"]) == 3
    small_world.stigg["subscriptions"][0]["coupons"][0]["status"] = "REMOVED"
    harness.merge(small_world)
    harness.reconcile()
    assert [harness.world.stripe["discounts"][d]["source"]["coupon"] == person.id for d in found["discounts"]].count(
        True
    ) == 1
    assert len(found["discounts"]) == 2
    assert harness.plan().plan.actions == []


def test_a_coupon_applied_again_later_is_attached_again(harness_of: Build, small_world: WorldBuilder) -> None:
    discounted(small_world)
    harness = harness_of(small_world)
    harness.reconcile()
    applied = small_world.stigg["subscriptions"][0]["coupons"]
    applied[0]["status"] = "REMOVED"
    harness.merge(small_world)
    harness.reconcile()
    assert coupons_on(harness, "s-1") == []
    applied.append(small_world.applied("half", hours_ago=1))
    harness.merge(small_world)
    harness.reconcile()
    assert len(coupons_on(harness, "s-1")) == 1
    assert harness.plan().plan.actions == []
