"""Stripe's events as a change feed: what a quiet run costs, what a change costs, and what it falls back to."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Fault
from stripe_sync.core.errors import ConfigurationError, StripeSyncError
from stripe_sync.jobs.runtime.preflight import checks
from stripe_sync.reporting.explain import explain_customer
from stripe_sync.warehouse import runs
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


@pytest.fixture
def fed(harness_of: Build, small_world: WorldBuilder) -> Harness:
    """A harness that reads by events, after a first run and a quiet one."""
    harness = harness_of(small_world)
    harness.change(stripe={"feed": True})
    harness.reconcile()
    harness.reconcile()
    harness.world.requests.clear()
    return harness


def reads(harness: Harness) -> list[str]:
    return [r.path for r in harness.world.requests if r.side == "stripe" and r.method == "GET"]


def extract(harness: Harness, run: str) -> dict[str, Any]:
    return runs.result(harness.engine, "test", run, "extract_stripe") or {}


def owned(harness: Harness, collection: str, id: str) -> dict[str, Any]:
    (found,) = [o for o in harness.objects(collection) if o.get("metadata", {}).get("stiggEntityId") == id]
    return found


def test_a_quiet_run_costs_one_read_and_two_when_the_hourly_check_is_due(fed: Harness) -> None:
    fed.reconcile()
    assert reads(fed) == ["/v1/events"]
    assert fed.writes() == 0
    fed.world.now += 3601
    fed.world.requests.clear()
    fed.reconcile()
    assert reads(fed) == ["/v1/account", "/v1/events"]


def test_own_writes_are_not_read_again(fed: Harness, small_world: WorldBuilder) -> None:
    small_world.stigg["customers"][0]["name"] = "Renamed"
    small_world.stigg["subscriptions"][1]["prices"][1]["usageLimit"] = 9
    small_world.customer("c-9", "Nine", "nine@example.test")
    small_world.subscription("s-9", "c-9", "pro", units={"seats": 2})
    fed.merge(small_world)
    fed.reconcile()
    fed.world.requests.clear()
    fed.reconcile()
    assert reads(fed) == ["/v1/events"]
    assert fed.writes() == 0, "and what was written is known"


def test_a_change_to_one_customer_costs_reads_for_that_customer_only(fed: Harness) -> None:
    id = owned(fed, "customers", "c-1")["id"]
    fed.stripe().v1.customers.update(id, {"name": "By a person"})
    fed.world.requests.clear()
    fed.reconcile()
    read = [path for path in reads(fed) if path not in ("/v1/account", "/v1/events")]
    assert set(read) == {f"/v1/customers/{id}"}
    assert owned(fed, "customers", "c-1")["name"] == "Customer 1"


def test_events_are_taken_up_once_in_any_order_and_their_bodies_are_not_believed(fed: Harness) -> None:
    id = owned(fed, "customers", "c-1")["id"]
    fed.stripe().v1.customers.update(id, {"name": "By a person"})
    (event,) = [
        e for e in fed.objects("events") if e["data"]["object"]["id"] == id and "previous_attributes" in e["data"]
    ]
    event["data"]["object"] = {"id": id, "name": "what an older API version says"}
    fed.world.put("events", event | {"id": "evt_twice"})
    fed.reconcile("with-it")
    assert extract(fed, "with-it")["read"] == 1
    assert owned(fed, "customers", "c-1")["name"] == "Customer 1"
    fed.reconcile("after-it")
    assert extract(fed, "after-it")["events"] <= 1, "its own write alone"


def test_deletions_and_cancellations_come_by_the_feed(fed: Harness) -> None:
    fed.stripe().v1.subscriptions.cancel(owned(fed, "subscriptions", "s-1")["id"])
    fed.stripe().v1.customers.delete(owned(fed, "customers", "c-2")["id"])
    fed.reconcile("deleted")
    assert extract(fed, "deleted")["whole"] == 0
    assert fed.status("c-2") == ("ERROR", "CUSTOMER_DELETED")
    assert fed.status("s-1") == ("PENDING", "OBSERVED_ONLY")
    assert fed.status("s-2") == ("ERROR", "CUSTOMER_DELETED"), "nobody canceled it: it is not canceled in Stigg"


def test_what_the_feed_missed_is_found_by_the_daily_full_read_and_said(fed: Harness) -> None:
    owned(fed, "customers", "c-1")["name"] = "Changed without an event"
    fed.reconcile("blind")
    assert owned(fed, "customers", "c-1")["name"] == "Changed without an event"
    fed.world.now += 24 * 3600
    fed.reconcile("audit")
    assert (extract(fed, "audit")["whole"], extract(fed, "audit")["missed"]) == (1, 1)
    assert owned(fed, "customers", "c-1")["name"] == "Customer 1"


def test_a_full_read_after_feeds_finds_nothing_that_they_missed(fed: Harness, small_world: WorldBuilder) -> None:
    small_world.coupon("half", percent=50)
    small_world.stigg["subscriptions"][0]["coupons"] = [small_world.applied("half")]
    small_world.plan("pro", "Professional", [dict(p) for p in small_world.stigg["plans"][0]["prices"]], version=2)
    fed.merge(small_world)
    fed.reconcile()
    fed.reconcile()
    fed.reconcile("audit", full=True)
    assert (extract(fed, "audit")["whole"], extract(fed, "audit")["missed"]) == (1, 0)
    assert fed.plan().plan.actions == []


@pytest.mark.parametrize("why", ["too old", "another reading", "asked for"])
def test_a_gap_falls_back_to_a_full_read(fed: Harness, why: str) -> None:
    if why == "too old":
        fed.change(full_sync_interval_hours=24 * 365)
        fed.world.now += 30 * 86_400
        fed.world.stripe["events"].clear()
    elif why == "another reading":
        fed.world.tax_settings = {"status": "active"}
        fed.world.put("tax_registrations", {"id": "t", "object": "tax.registration", "status": "active", "country": "DE",
                                            "created": 1})  # fmt: skip
        fed.change(stripe={"tax": True, "tax_behavior": "exclusive", "tax_code": "txcd_1"})
    fed.plan(**({"full": True} if why == "asked for" else {}))
    found = [p for p in reads(fed) if p in ("/v1/products", "/v1/customers", "/v1/subscriptions")]
    assert len(found) == 3


def test_a_renewals_draft_is_found_by_its_event(fed: Harness) -> None:
    import httpx

    end = owned(fed, "subscriptions", "s-1")["items"]["data"][0]["current_period_end"]
    fed.change(full_sync_interval_hours=24 * 365)
    fed.world.now = end - 20 * 86_400
    fed.reconcile()
    httpx.post(f"{fed.stripe_url}/_world/clock", json={"now": end + 60}, verify=False)
    fed.reconcile("renewal")
    assert extract(fed, "renewal")["whole"] == 0
    assert extract(fed, "renewal")["counts"]["invoice"] >= 3


@pytest.mark.parametrize("nth", [1, 2, 3])
def test_a_feed_that_breaks_off_is_taken_up_again_without_a_gap(fed: Harness, nth: int) -> None:
    fed.attempts = 1
    for id in ("c-1", "c-2", "c-3"):
        fed.stripe().v1.customers.update(owned(fed, "customers", id)["id"], {"name": "By a person"})
    fed.world.faults.append(Fault("GET", "/v1/customers/", nth=nth, status=500))
    with pytest.raises(StripeSyncError):
        fed.reconcile()
    fed.reconcile()
    assert {owned(fed, "customers", id)["name"] for id in ("c-1", "c-2", "c-3")} == {
        "Customer 1",
        "Customer 2",
        "Customer 3",
    }
    assert fed.plan().plan.actions == []


def test_connect_says_what_the_schedule_reads_a_month_and_fails_over_the_share(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    harness = harness_of(small_world)
    harness.change(stripe={"feed": True}, schedule="*/15 * * * *")
    line, error = schedule_line(harness)
    assert error is None
    # 2,880 runs, 720 checks of the account, 30 full reads of 8 pages
    assert "about 3840 reads per month" in line
    harness.change(stripe={"feed": False})
    line, error = schedule_line(harness)
    assert "2880" not in line
    assert "more than the share 0.6" in str(error), "2,880 runs of 9 reads"


def schedule_line(harness: Harness) -> tuple[str, StripeSyncError | None]:
    session = harness.session()
    try:
        ((check, error),) = [(c, e) for c, e in checks(session) if c.name == "schedule"]
        return check.text, error
    finally:
        session.close()


def test_many_events_in_random_order_with_duplicates_and_ties_are_one_reading_an_object(fed: Harness) -> None:
    ids = [owned(fed, "customers", id)["id"] for id in ("c-1", "c-2", "c-3")]
    for id in ids:
        fed.stripe().v1.customers.update(id, {"phone": "+1 555"})
    rng = random.Random(1)
    real = [e for e in fed.objects("events") if e["data"]["object"].get("id") in ids]
    for number in range(10_000):
        event = rng.choice(real)
        fed.world.put("events", event | {"id": f"evt_{rng.randrange(8_000)}_{number % 2}", "created": fed.world.now})
    fed.reconcile("flood")
    assert extract(fed, "flood")["read"] == 3
    assert extract(fed, "flood")["events"] > 5_000
    fed.world.requests.clear()
    fed.reconcile("after")
    assert extract(fed, "after")["events"] == 0, "in the same second: each was taken up once"


def test_a_subscription_canceled_on_both_sides_at_once_is_left_alone(fed: Harness, small_world: WorldBuilder) -> None:
    fed.change(modes=fed.environment.modes | {"stigg-cancellations": "enforce"})
    found = owned(fed, "subscriptions", "s-1")
    fed.stripe().v1.subscriptions.cancel(found["id"])
    small_world.stigg["subscriptions"][0] |= {"status": "CANCELED", "cancelReason": "Immediate"}
    fed.merge(small_world)
    writes = fed.writes()
    fed.reconcile()
    assert fed.writes() == writes
    assert fed.status("s-1") == ("NO_SYNC_REQUIRED", "ENDED")


def test_a_change_made_while_the_feed_is_read_is_taken_up_next_time(fed: Harness) -> None:
    id = owned(fed, "customers", "c-1")["id"]
    fed.world.faults.append(Fault("GET", "/v1/events", kind="stale", times=1))
    fed.stripe().v1.customers.update(id, {"name": "By a person"})
    fed.reconcile()
    fed.reconcile()
    assert owned(fed, "customers", "c-1")["name"] == "Customer 1"


def test_one_page_about_one_customer(fed: Harness, small_world: WorldBuilder) -> None:
    small_world.stigg["subscriptions"][0]["prices"][1]["usageLimit"] = 9
    fed.merge(small_world)
    fed.reconcile()
    session = fed.session()
    page = explain_customer(session.engine, "test", "c-1")
    same = explain_customer(session.engine, "test", owned(fed, "customers", "c-1")["id"])
    with pytest.raises(ConfigurationError, match="No customer of test has the id"):
        explain_customer(session.engine, "test", "nobody")
    session.close()
    assert page["customer"] == same["customer"] == "c-1"
    assert {row["status"] for row in page["statuses"]} == {"SUCCESS"}
    assert [row["result"] for row in page["history"]] == ["done"] * 3
    assert all(row["request_id"].startswith("req_") for row in page["history"])
    assert sorted(i["quantity"] for i in page["stripe"][0]["items"]) == [1, 2], "as of the run's reading"
    assert "Customer 1" not in str(page)


def test_a_quiet_day_is_counted_request_by_request(fed: Harness) -> None:
    """Every hour: 23 reads of the feed, 23 checks of the account, and nothing else before the full read of the next day."""
    fed.world.requests.clear()
    for _ in range(23):
        fed.world.now += 3600
        fed.reconcile()
    found = Counter(r.path for r in fed.world.requests if r.side == "stripe")
    assert set(found) == {"/v1/events", "/v1/account"}
    assert found["/v1/events"] == found["/v1/account"] == 23
    assert all(r.method == "GET" for r in fed.world.requests if r.side == "stripe")


def test_an_account_with_a_past_is_read_by_its_range_and_what_is_gone_is_gone(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    """Events of before, of objects that are gone, are not asked for; one that comes late names nothing (SB 10.5)."""
    small_world.stripe["history"] = True
    harness = harness_of(small_world)
    earlier = list(harness.objects("events"))
    harness.change(stripe={"feed": True})
    harness.reconcile()
    harness.world.requests.clear()
    harness.reconcile()
    assert reads(harness) == ["/v1/events"], "the past is before the range"
    for event in earlier:
        event["created"] = harness.world.now
    harness.reconcile()
    assert harness.writes() == 0
    assert harness.status("s-1") == ("SUCCESS", "")
