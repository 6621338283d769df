"""What follows a subscription that ends, and how it ends (BILLING 7): a story a row of the table, a story a sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import iso
from stripe_sync.core.errors import RunStopped
from stripe_sync.warehouse.comparisons import statuses
from tests import warehouses
from tests.house import House

Build = Callable[[WorldBuilder], House]
DAY = 86_400


def subscription(house: House, id: str) -> dict[str, Any]:
    (found,) = [s for s in house.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def ended(town: WorldBuilder, number: int = 0, reason: str = "Immediate") -> dict[str, Any]:
    """Ends a subscription of Stigg's at this moment."""
    moment = iso(town.now)
    row: dict[str, Any] = town.stigg["subscriptions"][number]
    row.update({"status": "CANCELED", "cancelReason": reason, "cancellationDate": moment, "effectiveEndDate": moment})
    return row


def begun(house: House) -> None:
    """Reconcile, and let two hours pass: the first invoices are finalized, so that an end has nothing to wait for."""
    house.reconcile()
    house.later(2 * 3600)


def followed(town: WorldBuilder, plan: str, id: str = "s-next", **more: Any) -> dict[str, Any]:
    """The subscription that Stigg makes of s-1 when its plan changes."""
    ended(town, reason="UpgradeOrDowngrade")
    return town.subscription(id, "c-1", plan, hours_ago=0, **more)


def test_paid_the_link_moves_and_the_stripe_subscription_is_updated(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before = subscription(house, "s-1")["id"]
    town.plan("big", "Big", [flat(90)])
    followed(town, "big")
    house.merge(town)
    house.reconcile()
    after = subscription(house, "s-next")
    assert (after["id"], after["status"]) == (before, "active"), "never cancel and create"
    assert [i["price"]["unit_amount"] for i in after["items"]["data"]] == [9000]
    assert len(house.objects("subscriptions")) == 3
    assert house.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    assert house.status("s-next") == ("SUCCESS", "")
    assert house.plan().plan.actions == []
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        assert house.plan().plan.actions == []


def test_paid_by_name_of_the_stripe_subscription_whatever_the_dates(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before = subscription(house, "s-1")["id"]
    ended(town)
    town.subscription("s-next", "c-1", "pro", units={"seats": 2}, hours_ago=1, oldBillingId=before)
    house.merge(town)
    house.reconcile()
    assert subscription(house, "s-next")["id"] == before


def test_free_it_is_canceled(house_of: Build, town: WorldBuilder) -> None:
    town.plan("free", "Free", [], pricing="FREE")
    house = house_of(town)
    begun(house)
    found = subscription(house, "s-1")
    followed(town, "free")
    house.merge(town)
    house.reconcile()
    assert found["status"] == "canceled"
    assert house.status("s-next") == ("NO_SYNC_REQUIRED", "FREE")
    assert house.plan().plan.actions == []


def test_custom_it_is_frozen_with_its_money(house_of: Build, town: WorldBuilder) -> None:
    town.plan("custom", "Custom", [], pricing="CUSTOM")
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    followed(town, "custom")
    house.merge(town)
    rows = house.drift()
    (row,) = [r for r in rows if r.kind == "subscription"]
    assert (row.state, row.per_month) == ("ended", {"usd": -3000})
    assert "custom price" in row.sentence
    house.reconcile()
    assert house.frozen() == before
    assert house.status("s-1") == ("PENDING", "FROZEN")


@pytest.mark.parametrize("what", ["two successors", "not read yet", "another Stripe subscription"])
def test_ambiguous_it_is_frozen_for_a_person(house_of: Build, town: WorldBuilder, what: str) -> None:
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    if what == "two successors":
        followed(town, "pro")
        town.subscription("s-other", "c-1", "pro", hours_ago=0)
    elif what == "not read yet":
        ended(town, reason="UpgradeOrDowngrade")
    else:
        ended(town)
        town.stigg["subscriptions"][1]["oldBillingId"] = subscription(house, "s-1")["id"]
    house.merge(town)
    stored = house.plan()
    assert not [a for a in stored.plan.actions if a.target == "subscription:test:s-1"]
    assert "subscription:test:s-1" in stored.unplanned
    if what != "two successors":
        assert house.frozen() == before


def test_nothing_it_is_canceled_with_an_explicit_word_on_the_last_invoice(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    begun(house)
    found = subscription(house, "s-1")
    ended(town)
    house.merge(town)
    (action,) = house.plan().plan.actions
    assert (action.kind, action.per_month) == ("subscription.cancel", {"usd": -3000})
    house.reconcile()
    assert found["status"] == "canceled"
    (asked,) = [r.params for r in house.world.requests if r.method == "DELETE"]
    assert (asked["invoice_now"], asked["prorate"]) == (False, False)
    assert house.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    assert house.plan().plan.actions == []


def test_many_endings_at_once_wait_for_a_person(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    begun(house)
    house.limit(deletes=2)
    for number in range(3):
        ended(town, number)
    house.merge(town)
    house.reconcile()
    assert {s["status"] for s in house.objects("subscriptions")} == {"active"}
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_detached_nothing_is_canceled_and_the_environment_stops(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before = house.frozen()
    ended(town, reason="DetachBilling")
    house.merge(town)
    with pytest.raises(RunStopped, match="DetachBilling"):
        house.reconcile()
    assert house.frozen() == before


def test_a_customer_that_no_longer_qualifies_stays_linked_and_current(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    ended(town)
    town.stigg["customers"][0]["name"] = "Renamed"
    house.merge(town)
    house.reconcile()
    (customer,) = [c for c in house.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    assert customer["name"] == "Renamed"
    assert house.status("c-1") == ("SUCCESS", "")


def test_one_that_ended_through_several_changes_moves_to_the_last(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    before = subscription(house, "s-1")["id"]
    followed(town, "pro", "s-middle")
    ended(town, 3, reason="UpgradeOrDowngrade")
    town.subscription("s-last", "c-1", "pro", units={"seats": 7}, hours_ago=0)
    house.merge(town)
    house.reconcile()
    assert subscription(house, "s-last")["id"] == before


def test_the_same_id_that_became_free_is_canceled_and_custom_is_frozen(house_of: Build, town: WorldBuilder) -> None:
    town.plan("free", "Free", [], pricing="FREE")
    house = house_of(town)
    begun(house)
    first, second = subscription(house, "s-1"), subscription(house, "s-2")
    town.stigg["subscriptions"][0] |= {
        "pricingType": "FREE",
        "plan": {"refId": "free", "versionNumber": 1},
        "prices": [],
    }
    town.stigg["subscriptions"][1] |= {"pricingType": "CUSTOM", "isCustomPriceSubscription": True}
    house.merge(town)
    house.reconcile()
    assert (first["status"], second["status"]) == ("canceled", "active")
    assert house.status("s-2") == ("PENDING", "FROZEN")


def test_usage_that_is_not_proven_keeps_its_item_and_its_subscription(house_of: Build, town: WorldBuilder) -> None:
    town.feature("calls", "API calls")
    town.plan("metered", "Metered", [flat(20), usage("calls", 0.01)])
    town.subscription("s-usage", "c-1", "metered")
    house = house_of(town)
    begun(house)
    row = town.stigg["subscriptions"][-1]
    flat_price = row["prices"][0]
    row["prices"] = [flat_price]
    house.merge(town)
    stored = house.plan()
    assert (stored.plan.actions, "usage" in stored.unplanned["subscription:test:s-usage"]) == ([], True)
    ended(town, 3)
    house.merge(town)
    stored = house.plan()
    assert stored.plan.actions == []
    assert "usage is not proven" in stored.unplanned["subscription:test:s-usage"]


def test_an_item_changes_beside_usage_that_stays_as_it_is(house_of: Build, town: WorldBuilder) -> None:
    town.feature("calls", "API calls")
    town.plan("metered", "Metered", [flat(20), usage("calls", 0.01)])
    town.subscription("s-usage", "c-1", "metered")
    house = house_of(town)
    house.reconcile()
    items = {i["price"]["unit_amount"]: i["id"] for i in subscription(house, "s-usage")["items"]["data"]}
    row = town.stigg["subscriptions"][-1]
    row["addons"] = [town.addon_of("s-usage", "support", 1, "MONTHLY")]
    house.merge(town)
    house.reconcile()
    after = {i["price"]["unit_amount"]: i["id"] for i in subscription(house, "s-usage")["items"]["data"]}
    assert after[0] == items[0]
    assert sorted(after) == [0, 1000, 2000]


def test_an_end_at_a_date_is_told_to_stripe_and_taken_back_with_stigg(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    row = town.stigg["subscriptions"][0]
    end = town.now + 20 * DAY
    row["cancellationDate"] = row["effectiveEndDate"] = iso(end)
    house.merge(town)
    (action,) = house.plan().plan.actions
    assert (action.cause, action.after["proration_behavior"]) == ("cancel_at", "none")
    house.reconcile()
    assert subscription(house, "s-1")["cancel_at"] == end
    assert house.plan().plan.actions == []
    row["cancellationDate"] = row["effectiveEndDate"] = None
    house.merge(town)
    house.reconcile()
    assert subscription(house, "s-1")["cancel_at"] is None
    assert house.plan().plan.actions == []


def test_an_end_that_the_customer_asked_for_is_shown_and_never_undone(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    found = subscription(house, "s-1")
    house.stripe().v1.subscriptions.update(found["id"], {"cancel_at_period_end": True})
    stored = house.plan()
    assert stored.plan.actions == []
    assert "never undone" in stored.unplanned["subscription:test:s-1"]
    house.reconcile()
    assert found["cancel_at"] is not None


def test_one_that_ended_in_stripe_at_its_date_needs_nothing_more(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    row = town.stigg["subscriptions"][0]
    end = town.now + 2 * DAY
    row["cancellationDate"] = row["effectiveEndDate"] = iso(end)
    house.merge(town)
    house.reconcile()
    httpx.post(f"{house.stripe_url}/_world/clock", json={"now": end + 60})
    row |= {"status": "CANCELED", "cancelReason": "ScheduledCancellation"}
    house.merge(town)
    assert house.plan().plan.actions == []


def test_a_schedule_is_released_as_a_planned_step_that_always_waits(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    found = subscription(house, "s-1")
    house.stripe().v1.subscription_schedules.create({"from_subscription": found["id"]})
    town.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 30
    house.merge(town)
    stored = house.plan()
    assert [a.kind for a in stored.plan.actions] == ["schedule.release", "subscription.update"]
    assert stored.plan.actions[1].depends_on == [stored.plan.actions[0].hash]
    house.reconcile()
    assert found["schedule"] is not None
    assert house.status("s-1")[0] == "PENDING"


def test_a_paused_subscription_is_reported_and_never_resumed(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    subscription(house, "s-1")["pause_collection"] = {"behavior": "void", "resumes_at": None}
    subscription(house, "s-2")["status"] = "paused"
    for row in town.stigg["subscriptions"][:2]:
        row["prices"][1]["usageLimit"] = 30
    house.merge(town)
    stored = house.plan()
    assert stored.plan.actions == []
    assert sorted(stored.unplanned) == ["subscription:test:s-1", "subscription:test:s-2"]


def renewed(house: House, town: WorldBuilder, *, later: int, seats: int = 8) -> int:
    """Changes the seats in Stigg, and lets the renewal pass before the pipeline runs; the renewal's moment."""
    start = int(subscription(house, "s-1")["items"]["data"][0]["current_period_end"])
    row = town.stigg["subscriptions"][0]
    row["prices"][1] |= {"usageLimit": seats, "updatedAt": iso(start - 600)}
    httpx.post(f"{house.stripe_url}/_world/clock", json={"now": start + later})
    row |= {"currentBillingPeriodStart": iso(start), "currentBillingPeriodEnd": iso(start + 31 * DAY)}
    house.merge(town)
    return start


def test_a_change_that_a_renewal_has_overtaken_goes_on_its_open_draft(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    renewed(house, town, later=900)
    stored = house.plan()
    assert [a.kind for a in stored.plan.actions] == ["invoiceitem.create", "subscription.update"]
    house.reconcile()
    found = subscription(house, "s-1")
    invoice = house.world.stripe["invoices"][found["latest_invoice"]]
    amounts = sorted(line["amount"] for line in invoice["lines"]["data"])
    assert amounts == [1000, 2000, 3001], "six seats more for the new period, and ten minutes of the old: 3000 and 1"
    assert sorted(i["quantity"] for i in found["items"]["data"]) == [1, 8]
    assert house.plan().plan.actions == []


def test_a_change_that_a_finalized_renewal_has_overtaken_waits_for_a_person_with_its_amount(
    house_of: Build, town: WorldBuilder
) -> None:
    house = house_of(town)
    house.reconcile()
    renewed(house, town, later=5000)
    (action,) = house.plan().plan.actions
    assert (action.cause, action.due_now) == ("renewed_short", {"usd": 3001})
    house.reconcile()
    assert sorted(i["quantity"] for i in subscription(house, "s-1")["items"]["data"]) == [1, 2]
    assert house.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_an_end_in_a_later_period_is_told_in_that_period_alone(house_of: Build, town: WorldBuilder) -> None:
    """F11, SB 11.9: in a later period it would prorate whatever is sent; SB 21.1: it shortens the running period."""
    house = house_of(town)
    house.reconcile()
    first_end = int(subscription(house, "s-1")["items"]["data"][0]["current_period_end"])
    row = town.stigg["subscriptions"][0]
    row["cancellationDate"] = row["effectiveEndDate"] = iso(first_end + 20 * DAY)
    house.merge(town)
    assert house.plan().plan.actions == []
    house.reconcile()
    assert subscription(house, "s-1")["cancel_at"] is None
    assert "It ends at" in detail(house, "s-1")
    httpx.post(f"{house.stripe_url}/_world/clock", json={"now": first_end + 7200})
    house.reconcile()
    found = subscription(house, "s-1")
    assert found["cancel_at"] == first_end + 20 * DAY
    assert house.plan().plan.actions == []
    assert [i for i in house.objects("invoiceitems") if i["proration"]] == []


def test_an_end_a_minute_beside_the_end_of_the_period_is_that_second(house_of: Build, town: WorldBuilder) -> None:
    house = house_of(town)
    house.reconcile()
    end = int(subscription(house, "s-1")["items"]["data"][0]["current_period_end"])
    row = town.stigg["subscriptions"][0]
    row["cancellationDate"] = row["effectiveEndDate"] = iso(end - 60)
    house.merge(town)
    house.reconcile()
    assert subscription(house, "s-1")["cancel_at"] == end
    assert house.plan().plan.actions == []


def detail(house: House, id: str) -> str:
    (found,) = statuses.find(house.engine, "test", id)
    return found.detail
