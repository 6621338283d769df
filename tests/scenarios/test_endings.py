"""Ends of subscriptions and their successors (BILLING 7): a story per row of the table, a story per sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import iso
from stripe_sync.core.errors import FatalError
from stripe_sync.warehouse.comparisons import statuses
from tests.support import warehouses
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
DAY = 86_400


def subscription(harness: Harness, id: str) -> dict[str, Any]:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def ended(small_world: WorldBuilder, number: int = 0, reason: str = "Immediate") -> dict[str, Any]:
    """End a subscription in Stigg now."""
    moment = iso(small_world.now)
    row: dict[str, Any] = small_world.stigg["subscriptions"][number]
    row.update({"status": "CANCELED", "cancelReason": reason, "cancellationDate": moment, "effectiveEndDate": moment})
    return row


def begun(harness: Harness) -> None:
    """Reconcile, and let two hours pass: the first invoices are finalized, so that an end has nothing to wait for."""
    harness.reconcile()
    harness.later(2 * 3600)


def followed(small_world: WorldBuilder, plan: str, id: str = "s-next", **more: Any) -> dict[str, Any]:
    """The subscription that Stigg makes of s-1 when its plan changes."""
    ended(small_world, reason="UpgradeOrDowngrade")
    return small_world.subscription(id, "c-1", plan, hours_ago=0, **more)


def test_paid_the_link_moves_and_the_stripe_subscription_is_updated(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = subscription(harness, "s-1")["id"]
    small_world.plan("big", "Big", [flat(90)])
    followed(small_world, "big")
    harness.merge(small_world)
    harness.reconcile()
    after = subscription(harness, "s-next")
    assert (after["id"], after["status"]) == (before, "active"), "never cancel and create"
    assert [i["price"]["unit_amount"] for i in after["items"]["data"]] == [9000]
    assert len(harness.objects("subscriptions")) == 3
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    assert harness.status("s-next") == ("SUCCESS", "")
    assert harness.plan().plan.actions == []
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        assert harness.plan().plan.actions == []


def test_paid_by_name_of_the_stripe_subscription_whatever_the_dates(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = subscription(harness, "s-1")["id"]
    ended(small_world)
    small_world.subscription("s-next", "c-1", "pro", units={"seats": 2}, hours_ago=1, oldBillingId=before)
    harness.merge(small_world)
    harness.reconcile()
    assert subscription(harness, "s-next")["id"] == before


def test_free_it_is_canceled(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.plan("free", "Free", [], pricing="FREE")
    harness = harness_of(small_world)
    begun(harness)
    found = subscription(harness, "s-1")
    followed(small_world, "free")
    harness.merge(small_world)
    harness.reconcile()
    assert found["status"] == "canceled"
    assert harness.status("s-next") == ("NO_SYNC_REQUIRED", "FREE")
    assert harness.plan().plan.actions == []


def test_custom_it_is_frozen_with_its_money(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.plan("custom", "Custom", [], pricing="CUSTOM")
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    followed(small_world, "custom")
    harness.merge(small_world)
    rows = harness.drift()
    (row,) = [r for r in rows if r.kind == "subscription"]
    assert (row.state, row.per_month) == ("ended", {"usd": -3000})
    assert "custom price" in row.sentence
    harness.reconcile()
    assert harness.frozen() == before
    assert harness.status("s-1") == ("PENDING", "FROZEN")


@pytest.mark.parametrize("what", ["two successors", "not read yet", "another Stripe subscription"])
def test_ambiguous_it_is_frozen_for_a_person(harness_of: Build, small_world: WorldBuilder, what: str) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    if what == "two successors":
        followed(small_world, "pro")
        small_world.subscription("s-other", "c-1", "pro", hours_ago=0)
    elif what == "not read yet":
        ended(small_world, reason="UpgradeOrDowngrade")
    else:
        ended(small_world)
        small_world.stigg["subscriptions"][1]["oldBillingId"] = subscription(harness, "s-1")["id"]
    harness.merge(small_world)
    stored = harness.plan()
    assert not [a for a in stored.plan.actions if a.target == "subscription:test:s-1"]
    assert "subscription:test:s-1" in stored.unplanned
    if what != "two successors":
        assert harness.frozen() == before


def test_nothing_it_is_canceled_with_an_explicit_word_on_the_last_invoice(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    begun(harness)
    found = subscription(harness, "s-1")
    ended(small_world)
    harness.merge(small_world)
    (action,) = harness.plan().plan.actions
    assert (action.kind, action.per_month) == ("subscription.cancel", {"usd": -3000})
    harness.reconcile()
    assert found["status"] == "canceled"
    (requested,) = [r.params for r in harness.world.requests if r.method == "DELETE"]
    assert (requested["invoice_now"], requested["prorate"]) == (False, False)
    assert harness.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")
    assert harness.plan().plan.actions == []


def test_many_endings_at_once_wait_for_a_person(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    begun(harness)
    harness.limit(deletes=2)
    for number in range(3):
        ended(small_world, number)
    harness.merge(small_world)
    harness.reconcile()
    assert {s["status"] for s in harness.objects("subscriptions")} == {"active"}
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_detached_nothing_is_canceled_and_the_environment_stops(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = harness.frozen()
    ended(small_world, reason="DetachBilling")
    harness.merge(small_world)
    with pytest.raises(FatalError, match="DetachBilling"):
        harness.reconcile()
    assert harness.frozen() == before


def test_a_customer_that_no_longer_qualifies_stays_linked_and_current(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    ended(small_world)
    small_world.stigg["customers"][0]["name"] = "Renamed"
    harness.merge(small_world)
    harness.reconcile()
    (customer,) = [c for c in harness.objects("customers") if c["metadata"]["stiggCustomerId"] == "c-1"]
    assert customer["name"] == "Renamed"
    assert harness.status("c-1") == ("SUCCESS", "")


def test_one_that_ended_through_several_changes_moves_to_the_last(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    before = subscription(harness, "s-1")["id"]
    followed(small_world, "pro", "s-middle")
    ended(small_world, 3, reason="UpgradeOrDowngrade")
    small_world.subscription("s-last", "c-1", "pro", units={"seats": 7}, hours_ago=0)
    harness.merge(small_world)
    harness.reconcile()
    assert subscription(harness, "s-last")["id"] == before


def test_the_same_id_that_became_free_is_canceled_and_custom_is_frozen(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.plan("free", "Free", [], pricing="FREE")
    harness = harness_of(small_world)
    begun(harness)
    first, second = subscription(harness, "s-1"), subscription(harness, "s-2")
    small_world.stigg["subscriptions"][0] |= {
        "pricingType": "FREE",
        "plan": {"refId": "free", "versionNumber": 1},
        "prices": [],
    }
    small_world.stigg["subscriptions"][1] |= {"pricingType": "CUSTOM", "isCustomPriceSubscription": True}
    harness.merge(small_world)
    harness.reconcile()
    assert (first["status"], second["status"]) == ("canceled", "active")
    assert harness.status("s-2") == ("PENDING", "FROZEN")


def test_usage_that_is_not_proven_keeps_its_item_and_its_subscription(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    small_world.feature("calls", "API calls")
    small_world.plan("metered", "Metered", [flat(20), usage("calls", 0.01)])
    small_world.subscription("s-usage", "c-1", "metered")
    harness = harness_of(small_world)
    begun(harness)
    row = small_world.stigg["subscriptions"][-1]
    flat_price = row["prices"][0]
    row["prices"] = [flat_price]
    harness.merge(small_world)
    stored = harness.plan()
    assert (stored.plan.actions, "usage" in stored.unplanned["subscription:test:s-usage"]) == ([], True)
    ended(small_world, 3)
    harness.merge(small_world)
    stored = harness.plan()
    assert stored.plan.actions == []
    assert "usage is not proven" in stored.unplanned["subscription:test:s-usage"]


def test_an_item_changes_beside_usage_that_stays_as_it_is(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.feature("calls", "API calls")
    small_world.plan("metered", "Metered", [flat(20), usage("calls", 0.01)])
    small_world.subscription("s-usage", "c-1", "metered")
    harness = harness_of(small_world)
    harness.reconcile()
    items = {i["price"]["unit_amount"]: i["id"] for i in subscription(harness, "s-usage")["items"]["data"]}
    row = small_world.stigg["subscriptions"][-1]
    row["addons"] = [small_world.addon_of("s-usage", "support", 1, "MONTHLY")]
    harness.merge(small_world)
    harness.reconcile()
    after = {i["price"]["unit_amount"]: i["id"] for i in subscription(harness, "s-usage")["items"]["data"]}
    assert after[0] == items[0]
    assert sorted(after) == [0, 1000, 2000]


def test_an_end_at_a_date_is_told_to_stripe_and_taken_back_with_stigg(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    row = small_world.stigg["subscriptions"][0]
    end = small_world.now + 20 * DAY
    row["cancellationDate"] = row["effectiveEndDate"] = iso(end)
    harness.merge(small_world)
    (action,) = harness.plan().plan.actions
    assert (action.cause, action.after["proration_behavior"]) == ("cancel_at", "none")
    harness.reconcile()
    assert subscription(harness, "s-1")["cancel_at"] == end
    assert harness.plan().plan.actions == []
    row["cancellationDate"] = row["effectiveEndDate"] = None
    harness.merge(small_world)
    harness.reconcile()
    assert subscription(harness, "s-1")["cancel_at"] is None
    assert harness.plan().plan.actions == []


def test_an_end_that_the_customer_asked_for_is_shown_and_never_undone(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    found = subscription(harness, "s-1")
    harness.stripe().v1.subscriptions.update(found["id"], {"cancel_at_period_end": True})
    stored = harness.plan()
    assert stored.plan.actions == []
    assert "never undone" in stored.unplanned["subscription:test:s-1"]
    harness.reconcile()
    assert found["cancel_at"] is not None


def test_one_that_ended_in_stripe_at_its_date_needs_nothing_more(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    row = small_world.stigg["subscriptions"][0]
    end = small_world.now + 2 * DAY
    row["cancellationDate"] = row["effectiveEndDate"] = iso(end)
    harness.merge(small_world)
    harness.reconcile()
    httpx.post(f"{harness.stripe_url}/_world/clock", json={"now": end + 60}, verify=False)
    row |= {"status": "CANCELED", "cancelReason": "ScheduledCancellation"}
    harness.merge(small_world)
    assert harness.plan().plan.actions == []


def test_a_schedule_is_released_as_a_planned_step_that_always_waits(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    found = subscription(harness, "s-1")
    harness.stripe().v1.subscription_schedules.create({"from_subscription": found["id"]})
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 30
    harness.merge(small_world)
    stored = harness.plan()
    assert [a.kind for a in stored.plan.actions] == ["schedule.release", "subscription.update"]
    assert stored.plan.actions[1].depends_on == [stored.plan.actions[0].hash]
    harness.reconcile()
    assert found["schedule"] is not None
    assert harness.status("s-1")[0] == "PENDING"


def test_a_paused_subscription_is_reported_and_never_resumed(harness_of: Build, small_world: WorldBuilder) -> None:
    """Of s-1, 20.00 and 2 seats at 5.00 a month are not billed; its row stays until the pause is ended in Stripe."""
    harness = harness_of(small_world)
    harness.reconcile()
    pause = {"pause_collection": {"behavior": "void"}}
    harness.stripe().v1.subscriptions.update(subscription(harness, "s-1")["id"], pause)
    (row,) = harness.drift()
    assert (row.field, row.severity, row.per_month) == ("pause", "money", {"usd": 3000})
    assert row.sentence.startswith("The subscription s-1 is paused in Stripe (void) and billed nothing there")
    assert harness.status("s-1") == ("PENDING", "NEEDS_A_PERSON")
    subscription(harness, "s-2")["status"] = "paused"
    for row in small_world.stigg["subscriptions"][:2]:
        row["prices"][1]["usageLimit"] = 30
    harness.merge(small_world)
    stored = harness.plan()
    assert stored.plan.actions == []
    assert sorted(stored.unplanned) == ["subscription:test:s-1", "subscription:test:s-2"]


def renewed(harness: Harness, small_world: WorldBuilder, *, later: int, seats: int = 8) -> int:
    """Changes the seats in Stigg, and lets the renewal pass before the pipeline runs; the renewal's moment."""
    start = int(subscription(harness, "s-1")["items"]["data"][0]["current_period_end"])
    row = small_world.stigg["subscriptions"][0]
    row["prices"][1] |= {"usageLimit": seats, "updatedAt": iso(start - 600)}
    httpx.post(f"{harness.stripe_url}/_world/clock", json={"now": start + later}, verify=False)
    row |= {"currentBillingPeriodStart": iso(start), "currentBillingPeriodEnd": iso(start + 31 * DAY)}
    harness.merge(small_world)
    return start


def test_a_change_that_a_renewal_has_overtaken_goes_on_its_open_draft(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    renewed(harness, small_world, later=900)
    stored = harness.plan()
    assert [a.kind for a in stored.plan.actions] == ["invoiceitem.create", "subscription.update"]
    harness.reconcile()
    found = subscription(harness, "s-1")
    invoice = harness.world.stripe["invoices"][found["latest_invoice"]]
    amounts = sorted(line["amount"] for line in invoice["lines"]["data"])
    assert amounts == [1000, 2000, 3001], "six seats more for the new period, and ten minutes of the old: 3000 and 1"
    assert sorted(i["quantity"] for i in found["items"]["data"]) == [1, 8]
    assert harness.plan().plan.actions == []


def test_a_change_that_a_finalized_renewal_has_overtaken_waits_for_a_person_with_its_amount(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    renewed(harness, small_world, later=5000)
    (action,) = harness.plan().plan.actions
    assert (action.cause, action.due_now) == ("renewed_short", {"usd": 3001})
    harness.reconcile()
    assert sorted(i["quantity"] for i in subscription(harness, "s-1")["items"]["data"]) == [1, 2]
    assert harness.status("s-1") == ("PENDING", "WAITS_FOR_APPROVAL")


def test_an_end_in_a_later_period_is_told_in_that_period_alone(harness_of: Build, small_world: WorldBuilder) -> None:
    """F11, SB 11.9: in a later period it would prorate whatever is sent; SB 21.1: it shortens the running period."""
    harness = harness_of(small_world)
    harness.reconcile()
    first_end = int(subscription(harness, "s-1")["items"]["data"][0]["current_period_end"])
    row = small_world.stigg["subscriptions"][0]
    row["cancellationDate"] = row["effectiveEndDate"] = iso(first_end + 20 * DAY)
    harness.merge(small_world)
    assert harness.plan().plan.actions == []
    harness.reconcile()
    assert subscription(harness, "s-1")["cancel_at"] is None
    assert "It ends at" in detail(harness, "s-1")
    httpx.post(f"{harness.stripe_url}/_world/clock", json={"now": first_end + 7200}, verify=False)
    harness.reconcile()
    found = subscription(harness, "s-1")
    assert found["cancel_at"] == first_end + 20 * DAY
    assert harness.plan().plan.actions == []
    assert [i for i in harness.objects("invoiceitems") if i["proration"]] == []


def test_an_end_a_minute_beside_the_end_of_the_period_is_that_second(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.reconcile()
    end = int(subscription(harness, "s-1")["items"]["data"][0]["current_period_end"])
    row = small_world.stigg["subscriptions"][0]
    row["cancellationDate"] = row["effectiveEndDate"] = iso(end - 60)
    harness.merge(small_world)
    harness.reconcile()
    assert subscription(harness, "s-1")["cancel_at"] == end
    assert harness.plan().plan.actions == []


def detail(harness: Harness, id: str) -> str:
    (found,) = statuses.find(harness.engine, "test", id)
    return found.detail
