"""Stigg is read by what changed: customers by updatedAt, subscriptions by a scan of the living and those that ended lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import iso
from stripe_sync.core.errors import NotAuthorized
from tests.support.harness import Harness
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
DAY = 86_400


@pytest.fixture
def fed(harness_of: Build, small_world: WorldBuilder) -> Harness:
    """Return an environment whose Stigg was read in full some time ago."""
    harness = harness_of(small_world)
    harness.change(stigg={"feed": True})
    harness.reconcile()
    harness.world.now += 3600
    return harness


def extract(harness: Harness, run: str) -> dict[str, int]:
    from stripe_sync.warehouse import runs

    return runs.result(harness.engine, "test", run, "extract_stigg") or {}


def names(harness: Harness) -> set[str]:
    return {c["name"] for c in harness.objects("customers")}


def test_a_customer_that_changed_is_read_and_the_others_are_not(fed: Harness) -> None:
    fed.stigg("customers", customerId="c-1").update({"name": "Renamed", "updatedAt": iso(fed.world.now)})
    fed.reconcile("next")
    assert "Renamed" in names(fed)
    assert extract(fed, "next")["whole"] == 0
    assert extract(fed, "next")["counts"]["customer"] == 3, "the mirror has them all"  # type: ignore[index]


def test_the_requests_of_a_quiet_run_do_not_grow_with_the_customers(
    harness_of: Build, small_world: WorldBuilder
) -> None:
    for number in range(60):
        small_world.customer(f"more-{number}", f"More {number}")
    harness = harness_of(small_world)
    harness.change(stigg={"feed": True})
    harness.reconcile()
    harness.world.now += 3600
    harness.world.requests.clear()
    harness.reconcile()
    found = Counter(r.path for r in harness.world.requests if r.side == "stigg")
    assert sum(found.values()) == 11, "4 lists of the catalog, 1 of customers, 2 of subscriptions, and 4 of preflight"


def test_a_subscription_that_changed_or_ended_is_seen_without_updated_at(fed: Harness) -> None:
    fed.later(7200)  # the first invoices are finalized, so that an end has nothing to wait for
    fed.stigg("subscriptions", subscriptionId="s-1")["prices"][1]["usageLimit"] = 9
    ended = {"status": "CANCELED", "cancelReason": "Immediate", "effectiveEndDate": iso(fed.world.now - 60)}
    fed.stigg("subscriptions", subscriptionId="s-2").update(ended)
    fed.reconcile()
    found = {s["metadata"]["stiggEntityId"]: s for s in fed.objects("subscriptions")}
    assert 9 in [i["quantity"] for i in found["s-1"]["items"]["data"]]
    assert found["s-2"]["status"] == "canceled"


def test_one_that_is_in_neither_list_is_read_by_its_id(fed: Harness) -> None:
    """It ended long ago by its date, and was alive at the last reading."""
    fed.later(7200)
    ended = {"status": "CANCELED", "cancelReason": "Immediate", "effectiveEndDate": iso(fed.world.now - 30 * DAY)}
    fed.stigg("subscriptions", subscriptionId="s-2").update(ended)
    fed.reconcile()
    found = {s["metadata"]["stiggEntityId"]: s for s in fed.objects("subscriptions")}
    assert found["s-2"]["status"] == "canceled"


def test_absence_changes_nothing(fed: Harness) -> None:
    fed.world.stigg["subscriptions"] = [s for s in fed.world.stigg["subscriptions"] if s["subscriptionId"] != "s-3"]
    writes = fed.writes()
    fed.reconcile()
    assert fed.writes() == writes


def test_what_updated_at_did_not_tell_is_found_by_the_daily_full_read_and_said(fed: Harness) -> None:
    fed.stigg("customers", customerId="c-1")["name"] = "Silent"
    fed.reconcile("blind")
    assert "Silent" not in names(fed)
    fed.world.now += DAY
    fed.reconcile("audit")
    assert (extract(fed, "audit")["whole"], extract(fed, "audit")["missed"]) == (1, 1)
    assert "Silent" in names(fed)


def test_subscriptions_on_an_interval_of_their_own(fed: Harness) -> None:
    fed.change(stigg={"scan_minutes": 60})
    fed.reconcile()
    fed.stigg("subscriptions", subscriptionId="s-1")["prices"][1]["usageLimit"] = 9
    fed.world.now += 900
    assert fed.plan().plan.actions == []
    fed.world.now += 3000
    assert len(fed.plan().plan.actions) == 1


def test_what_changes_while_the_sides_are_read_is_shown_and_taken_up_by_the_next_run(fed: Harness) -> None:
    """The two snapshots would else be of two different moments."""
    soon = {"name": "Renamed", "updatedAt": iso(fed.world.now + 5)}
    fed.stigg("customers", customerId="c-1").update(soon)
    stored = fed.plan()
    assert stored.plan.actions == []
    assert ["changed while" in why for why in stored.unplanned.values()] == [True]
    fed.world.now += 10
    assert len(fed.plan().plan.actions) == 1


def test_a_date_that_lies_ahead_is_no_change_that_is_under_way(fed: Harness) -> None:
    end = iso(fed.world.now + 3600)
    fed.stigg("subscriptions", subscriptionId="s-1").update({"cancellationDate": end, "effectiveEndDate": end})
    assert [a.cause for a in fed.plan().plan.actions] == ["cancel_at"]


@pytest.mark.parametrize("named", ["by its id", "by its UUID"])
def test_event_logs_name_the_subscriptions_that_changed(fed: Harness, named: str) -> None:
    fed.world.unknowns["event_logs_readable"] = True
    fed.change(stigg={"event_logs": True})
    row = fed.stigg("subscriptions", subscriptionId="s-1")
    row["prices"][1]["usageLimit"] = 9
    assert fed.plan().plan.actions == [], "no log names it"
    log = {
        "id": "e-1", "accountId": "a", "createdAt": iso(fed.world.now), "entityType": "SUBSCRIPTION",
        "entityId": row["id"] if "UUID" in named else "s-1", "eventLogType": "SUBSCRIPTION_UPDATED", "payload": {},
    }  # fmt: skip
    fed.world.stigg["eventLogs"].append(log)
    fed.world.requests.clear()
    assert len(fed.plan().plan.actions) == 1
    assert Counter(r.path for r in fed.world.requests)["Subscriptions"] == 1


@ends("event_logs_readable", yes="0 actions", no="EventLogs")
def test_event_logs_that_may_not_be_read_stop_the_run_with_a_sentence(fed: Harness, end: str) -> None:
    fed.change(stigg={"event_logs": True})
    try:
        message = f"{len(fed.plan().plan.actions)} actions"
    except NotAuthorized as refused:
        message = str(refused)
    assert end in message
