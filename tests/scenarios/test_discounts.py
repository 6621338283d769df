"""Coupons and discounts (BILLING 4): content, life, at most once, everybody else's left alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.builder import WorldBuilder
from tests import warehouses
from tests.house import House
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def subscription(house: House, id: str) -> dict[str, Any]:
    (found,) = [s for s in house.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def coupons_on(house: House, id: str) -> list[str]:
    """The coupon ids behind a subscription's discounts."""
    return [house.world.stripe["discounts"][d]["source"]["coupon"] for d in subscription(house, id)["discounts"]]


def discounted(town: WorldBuilder) -> None:
    town.coupon("half", percent=50)
    town.stigg["subscriptions"][0]["coupons"] = [town.applied("half")]


def test_a_coupon_is_on_the_first_invoice_and_on_the_subscription_not_on_the_customer(
    house_of: Build, town: WorldBuilder
) -> None:
    discounted(town)
    house = house_of(town)
    stored = house.plan()
    (create,) = [a for a in stored.plan.actions if a.kind == "subscription.create" and a.target.endswith("s-1")]
    house.reconcile()
    found = subscription(house, "s-1")
    invoice = house.world.stripe["invoices"][found["latest_invoice"]]
    assert (invoice["subtotal"], invoice["total"]) == (3000, 1500)
    assert create.due_now["usd"] in (1500, 3000), "asked of Stripe only where the customer exists already"
    assert len(found["discounts"]) == 1
    assert all(c["discount"] is None for c in house.objects("customers"))
    assert house.plan().plan.actions == []


def test_what_a_fixed_coupon_takes_off_has_an_amount_a_currency(house_of: Build, town: WorldBuilder) -> None:
    town.coupon("ten", off={"USD": 10, "EUR": 9, "JPY": 1500})
    house = house_of(town)
    house.reconcile()
    (coupon,) = house.objects("coupons")
    assert (coupon["amount_off"], coupon["currency"], coupon["duration"]) == (1000, "usd", "forever")
    assert {c: o["amount_off"] for c, o in coupon["currency_options"].items()} == {"usd": 1000, "eur": 900, "jpy": 1500}
    assert house.status("ten") == ("SUCCESS", "")


def test_other_content_is_another_coupon_and_a_new_name_is_an_update(house_of: Build, town: WorldBuilder) -> None:
    row = town.coupon("half", percent=50)
    house = house_of(town)
    house.reconcile()
    (first,) = house.objects("coupons")
    row["name"] = "A name that is a good deal longer than forty characters"
    house.merge(town)
    house.reconcile()
    assert first["name"] == "A name that is a good deal longer than …"
    row["percentOff"] = 60
    house.merge(town)
    house.reconcile()
    (second,) = house.objects("coupons")
    assert (second["percent_off"], second["id"] != first["id"]) == (60, True), "the old one is deleted"
    assert house.plan().plan.actions == []


def test_an_archived_coupon_is_deleted_and_its_discounts_stay(house_of: Build, town: WorldBuilder) -> None:
    discounted(town)
    house = house_of(town)
    house.reconcile()
    before = subscription(house, "s-1")["discounts"]
    town.stigg["coupons"][0]["status"] = "ARCHIVED"
    house.merge(town)
    house.reconcile()
    assert house.objects("coupons") == []
    assert subscription(house, "s-1")["discounts"] == before
    assert house.status("half") == ("NO_SYNC_REQUIRED", "ARCHIVED")
    assert house.plan().plan.actions == [], "a discount of a deleted coupon is still known as ours"


@ends("coupon_id_reuse", yes="", no="-2")
def test_content_that_comes_back_is_made_again_whether_or_not_stripe_takes_the_id_again(
    house_of: Build, town: WorldBuilder, end: str
) -> None:
    """The id of its content, or the next one where Stripe keeps the id of the deleted coupon."""
    row = town.coupon("half", percent=50)
    house = house_of(town)
    ids = []
    for percent in (50, 60, 50):
        row["percentOff"] = percent
        house.merge(town)
        house.reconcile()
        ids += [c["id"] for c in house.objects("coupons")]
    (coupon,) = house.objects("coupons")
    assert (coupon["id"], coupon["percent_off"]) == (ids[0] + end, 50)
    assert house.status("half") == ("SUCCESS", "")
    assert house.plan().plan.actions == []


def test_a_coupon_that_a_person_took_off_is_consumed_and_never_drift(house_of: Build, town: WorldBuilder) -> None:
    discounted(town)
    house = house_of(town)
    house.reconcile()
    house.stripe().v1.subscriptions.update(subscription(house, "s-1")["id"], {"discounts": ""})
    assert house.plan().plan.actions == []
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        assert house.plan().plan.actions == [], "the warehouse was lost; what was attached is written beside the mark"


def test_a_repeating_coupon_that_ended_in_stripe_is_not_attached_again(house_of: Build, town: WorldBuilder) -> None:
    town.coupon("three", percent=10, durationInMonths=3)
    town.stigg["subscriptions"][0]["coupons"] = [town.applied("three")]
    house = house_of(town)
    house.reconcile()
    subscription(house, "s-1")["discounts"] = []
    assert house.plan().plan.actions == []


def test_a_coupon_attached_late_is_one_with_the_months_that_remain(house_of: Build, town: WorldBuilder) -> None:
    town.coupon("six", percent=10, durationInMonths=6)
    house = house_of(town)
    house.reconcile()
    town.stigg["subscriptions"][0]["coupons"] = [town.applied("six", hours_ago=70 * 24)]
    house.merge(town)
    house.reconcile()
    (id,) = coupons_on(house, "s-1")
    assert len(house.objects("coupons")) == 2, "the catalog's, and one of the subscription's own"
    assert house.world.stripe["coupons"][id]["duration_in_months"] == 4
    assert house.plan().plan.actions == []


def test_a_coupon_whose_months_are_over_is_not_attached(house_of: Build, town: WorldBuilder) -> None:
    town.coupon("one", percent=10, durationInMonths=1)
    town.stigg["subscriptions"][0]["coupons"] = [town.applied("one", hours_ago=40 * 24)]
    house = house_of(town)
    house.reconcile()
    assert coupons_on(house, "s-1") == []
    assert house.plan().plan.actions == []


def test_an_ad_hoc_coupon_is_made_from_the_snapshot_and_ends_with_it(house_of: Build, town: WorldBuilder) -> None:
    snapshot = {"refId": "adhoc-1", "name": "For you", "type": "FIXED", "amountsOff": [{"currency": "USD", "amount": 4}],
                "percentOff": None, "durationInMonths": None, "startDate": "2026-11-16T06:00:00.000Z",
                "status": "ACTIVE", "id": "x"}  # fmt: skip
    town.stigg["subscriptions"][0]["coupons"] = [snapshot]
    house = house_of(town)
    house.reconcile()
    (id,) = coupons_on(house, "s-1")
    assert house.world.stripe["coupons"][id]["amount_off"] == 400
    assert house.plan().plan.actions == []
    snapshot["status"] = "REMOVED"
    house.merge(town)
    house.reconcile()
    assert (coupons_on(house, "s-1"), house.objects("coupons")) == ([], [])
    assert house.plan().plan.actions == []


def test_a_catalog_that_changed_since_does_not_change_what_was_applied(house_of: Build, town: WorldBuilder) -> None:
    discounted(town)
    town.stigg["coupons"][0]["percentOff"] = 10
    house = house_of(town)
    house.reconcile()
    (id,) = coupons_on(house, "s-1")
    assert house.world.stripe["coupons"][id]["percent_off"] == 50


def test_every_write_of_discounts_sends_each_one_that_stays(house_of: Build, town: WorldBuilder) -> None:
    discounted(town)
    town.coupon("ten", off={"USD": 10})
    house = house_of(town)
    house.reconcile()
    found = subscription(house, "s-1")
    person = house.stripe().v1.coupons.create({"percent_off": 5, "duration": "forever"})
    kept = [{"discount": id} for id in found["discounts"]]
    house.stripe().v1.subscriptions.update(found["id"], {"discounts": [*kept, {"coupon": person.id}]})
    before = list(found["discounts"])
    town.stigg["subscriptions"][0]["coupons"].append(town.applied("ten"))
    house.merge(town)
    house.reconcile()
    assert found["discounts"][:2] == before, "ours and the person's are the same discounts as before"
    assert len(found["discounts"]) == 3
    town.stigg["subscriptions"][0]["coupons"][0]["status"] = "REMOVED"
    house.merge(town)
    house.reconcile()
    assert [house.world.stripe["discounts"][d]["source"]["coupon"] == person.id for d in found["discounts"]].count(
        True
    ) == 1
    assert len(found["discounts"]) == 2
    assert house.plan().plan.actions == []


def test_a_coupon_applied_again_later_is_attached_again(house_of: Build, town: WorldBuilder) -> None:
    discounted(town)
    house = house_of(town)
    house.reconcile()
    applied = town.stigg["subscriptions"][0]["coupons"]
    applied[0]["status"] = "REMOVED"
    house.merge(town)
    house.reconcile()
    assert coupons_on(house, "s-1") == []
    applied.append(town.applied("half", hours_ago=1))
    house.merge(town)
    house.reconcile()
    assert len(coupons_on(house, "s-1")) == 1
    assert house.plan().plan.actions == []
