"""Usage gets onto the invoice before it is finalized, proven, or the invoice waits and a person is notified (BILLING 8 and 9)."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, tiered
from sandbox.world.state import Fault
from stripe_sync.apply import executor
from stripe_sync.core.errors import NotReady
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.usage import manual_actions
from stripe_sync.jobs.usage.open_windows import open_windows
from stripe_sync.jobs.usage.steps import read_quantities
from stripe_sync.warehouse.usage import movements
from tests.support import warehouses
from tests.support.cases import chosen_cases, crossed
from tests.support.harness import Harness
from tests.support.kills import Killed
from tests.support.metering import (
    DAY,
    HOUR,
    LEAD,
    MINUTE,
    cycle,
    ledger,
    lines,
    month_end,
    period_end,
    subscription,
    until,
    use,
)

Build = Callable[[WorldBuilder], Harness]
# 1-5 at 20, 6-10 at 15, from 11 on at 10, with flat fees of 10, 8 and 5 (reference: E8's table).
TIERED = tiered("calls", [(5, 20, 10), (10, 15, 8), (None, 10, 5)], model="USAGE_BASED")
TIERED_LINES = [("5", 10000), ("1", 1000), ("5", 7500), ("1", 800), ("2", 2000), ("1", 500)]


def test_usage_of_the_last_minutes_is_on_the_draft_before_it_is_finalized(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    end = month_end(harness)
    given = harness.usage()
    draft = cycle(harness)
    assert (draft["status"], lines(draft)) == ("draft", [("1234", 333)])  # 3.3318 USD
    assert draft["total"] == 2000 + 333
    assert given["proven"] == 1
    until(harness, end + HOUR + MINUTE)
    assert cycle(harness)["status"] in ("open", "paid")
    assert harness.usage()["counts"] == {"billed": 1}


def test_a_run_with_nothing_due_asks_nobody_anything(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.reconcile()
    harness.later(HOUR)
    harness.reconcile()
    harness.usage()
    harness.world.requests.clear()
    assert harness.usage()["due"] == 0
    assert [r for r in harness.world.requests if r.side != "control"] == []


def test_a_second_run_finds_nothing_to_write(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    month_end(harness)
    harness.usage()
    writes = harness.writes()
    harness.later(10 * MINUTE)
    assert harness.usage()["lines"] == {}
    assert harness.writes() == writes


def test_a_correction_up_and_down_before_finalization_is_on_the_draft(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    end = month_end(harness, 100)
    harness.usage()
    use(harness, 20, end - MINUTE)
    until(harness, end + 45 * MINUTE)
    harness.usage()
    assert lines(cycle(harness)) == [("120", 32)]
    use(harness, -30, end - 30)
    until(harness, end + 51 * MINUTE)
    harness.usage()
    assert lines(cycle(harness)) == [("120", 32)], "it is read once in the last two intervals"
    until(harness, end + HOUR + MINUTE)
    harness.usage()
    assert harness.usage()["counts"] == {"billed": 1}


@pytest.mark.parametrize("value", [90, 120])
def test_a_correction_that_stigg_shows_while_the_draft_is_held(
    harness_of: Build, metered: WorldBuilder, value: int
) -> None:
    harness = harness_of(metered)
    end = month_end(harness, 100)
    harness.usage()
    draft = cycle(harness)
    session = harness.session()
    manual_actions.hold(session, draft["id"], Operator("ann", "a late correction comes"))
    session.close()
    use(harness, value - 100, end - MINUTE)
    until(harness, end + 24 * HOUR - 15 * MINUTE)
    harness.reconcile()
    harness.usage()
    assert lines(cycle(harness)) == [(str(value), {90: 24, 120: 32}[value])]
    until(harness, end + 24 * HOUR + MINUTE)
    harness.usage()
    assert ledger(harness) == {"billed": (str(value), {90: 24, 120: 32}[value])}


def test_two_resources_of_one_customer_are_two_quantities(harness_of: Build, metered: WorldBuilder) -> None:
    for resource, row in (
        ("r-1", metered.stigg["subscriptions"][0]),
        ("r-2", metered.subscription("s-2", "c-1", "pro")),
    ):
        row["resource"] = {"resourceId": resource}
    harness = harness_of(metered)
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    use(harness, 1000, end - HOUR, resourceId="r-1")
    use(harness, 500, end - HOUR, resourceId="r-2")
    until(harness, end + MINUTE)
    harness.usage()
    assert lines(cycle(harness, "s-1")) == [("1000", 270)]
    assert lines(cycle(harness, "s-2")) == [("500", 135)]


def test_two_subscriptions_that_bill_the_same_use_are_refused_and_held(
    harness_of: Build, metered: WorldBuilder
) -> None:
    metered.subscription("s-2", "c-1", "pro")
    harness = harness_of(metered)
    month_end(harness)
    found = harness.usage()
    assert {p["reason"] for p in found["problems"]} == {"USAGE_AMBIGUOUS"}
    assert lines(cycle(harness, "s-1")) == lines(cycle(harness, "s-2")) == []


def test_stigg_does_not_answer_the_draft_waits_and_goes_out_whole(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.attempts = 1
    end = month_end(harness)
    harness.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=100))
    found = harness.usage()
    draft = cycle(harness)
    assert found["held"] == [draft["id"]]
    assert draft["automatically_finalizes_at"] == end + 24 * HOUR
    until(harness, end + 2 * HOUR)
    assert cycle(harness)["status"] == "draft"
    harness.world.faults.clear()
    found = harness.usage()
    assert (lines(cycle(harness)), found["released"]) == ([("1234", 333)], [draft["id"]])
    until(harness, end + 2 * HOUR + LEAD)
    assert cycle(harness)["status"] != "draft"
    assert harness.usage()["counts"] == {"billed": 1}


def test_nothing_ran_for_a_day_what_was_finalized_without_it_is_found_with_its_amount(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    end = month_end(harness)
    until(harness, end + DAY)
    harness.reconcile()
    found = harness.usage(alerts=True)
    assert "1234 of calls of s-1 (3.33 USD, row 1) are not billed" in found["pages"][0]
    assert ledger(harness) == {"unbillable": ("1234", 333)}
    assert harness.usage()["pages"] == [], "told once, then listed"
    session = harness.session()
    assert [(window.state, window.amount) for window in open_windows(session)] == [("unbillable", "3.33 USD")]
    manual_actions.waive(session, "1", Operator("ann", "a gift"))
    session.close()
    assert ledger(harness) == {"waived": ("1234", 333)}


def test_an_invoice_that_is_finalized_between_reading_and_writing_is_not_short_in_silence(
    harness_of: Build, metered: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = harness_of(metered)
    end = month_end(harness)
    counted = read_quantities.counted

    def late(*given: Any) -> Any:
        until(harness, end + 2 * DAY)
        return counted(*given)

    monkeypatch.setattr(read_quantities, "counted", late)
    found = harness.usage(alerts=True)
    assert "not billed" in found["pages"][0]


def test_a_line_that_a_person_deletes_comes_back_and_one_of_somebody_else_stays(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    end = month_end(harness)
    harness.usage()
    (item,) = harness.objects("invoiceitems")
    harness.stripe().v1.invoice_items.delete(item["id"])
    draft = cycle(harness)
    harness.stripe().v1.invoice_items.create(
        {"customer": draft["customer"], "invoice": draft["id"], "amount": 700, "currency": "usd"}
    )
    until(harness, end + 45 * MINUTE)
    harness.usage()
    assert sorted(lines(cycle(harness))) == [("1", 700), ("1234", 333)]
    assert ledger(harness) == {"proven": ("1234", 333)}


def test_a_list_that_is_older_than_our_own_line_does_not_double_it(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    month_end(harness)
    old = Fault("GET", "/v1/invoices", kind="stale", times=3)
    harness.world.faults.append(old)
    harness.usage()
    until(harness, harness.world.now + 45 * MINUTE)
    harness.usage()
    assert lines(cycle(harness)) == [("1234", 333)]


@pytest.mark.parametrize(
    ("moment", "nth"), chosen_cases(crossed(["before the call", "after the call", "before the ledger"], [1, 3]), 3)
)
def test_killed_at_every_write_and_started_again_each_line_is_there_once(
    harness_of: Build, metered: WorldBuilder, moment: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    metered.plan("tiers", "Tiers", [flat(5), TIERED])
    metered.customer("c-2", "Two", "two@example.test")
    metered.subscription("s-2", "c-2", "tiers")
    harness = harness_of(metered)
    harness.change(workers=1)
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    use(harness, 1234, end - HOUR)
    use(harness, 12, end - HOUR, customerId="c-2")
    until(harness, end + MINUTE)
    calls = itertools.count(1)
    whole = {
        "before the call": executor.Executor.write,
        "after the call": executor.Executor.record_success,
        "before the ledger": movements.move,
    }

    def deadly(*given: Any, **more: Any) -> Any:
        if next(calls) == nth:
            raise Killed
        return whole[moment](*given, **more)

    target, name = {"before the call": (executor.Executor, "write"), "after the call": (executor.Executor, "record_success"),
                    "before the ledger": (movements, "move")}[moment]  # fmt: skip
    monkeypatch.setattr(target, name, deadly)
    with pytest.raises(Killed):
        harness.usage("killed")
    monkeypatch.setattr(target, name, whole[moment])
    harness.later(10 * MINUTE)
    harness.usage("after")
    assert lines(cycle(harness, "s-1")) == [("1234", 333)]
    assert lines(cycle(harness, "s-2")) == TIERED_LINES
    until(harness, end + HOUR + MINUTE)
    harness.usage()
    assert harness.usage()["counts"] == {"billed": 2}


def test_every_task_of_a_finished_run_cleared_three_days_later_writes_nothing(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    month_end(harness)
    harness.usage("run")
    writes = harness.writes()
    harness.later(3 * DAY)
    harness.usage("run")
    assert harness.writes() == writes


def test_two_runs_at_once_count_once(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    month_end(harness)

    def run(name: str) -> None:
        with contextlib.suppress(NotReady):
            harness.usage(name)

    threads = [threading.Thread(target=run, args=(f"twin-{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    harness.later(10 * MINUTE)
    harness.usage()
    assert lines(cycle(harness)) == [("1234", 333)]
    assert ledger(harness) == {"proven": ("1234", 333)}


def test_a_lost_warehouse_takes_up_the_lines_that_are_on_the_drafts(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    end = month_end(harness)
    harness.usage()
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        harness.reconcile("anew")
        writes = harness.writes()
        harness.usage("anew-usage")
        assert harness.writes() == writes
        assert (lines(cycle(harness)), ledger(harness)) == ([("1234", 333)], {"proven": ("1234", 333)})
        until(harness, end + 2 * HOUR)
        harness.usage("anew-later")
        assert ledger(harness) == {"billed": ("1234", 333)}


def test_an_item_that_somebody_removed_does_not_end_its_charge(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    held = subscription(harness)
    item = next(i for i in held["items"]["data"] if i["price"]["unit_amount"] == 0)
    harness.stripe().v1.subscriptions.update(
        held["id"], {"items": [{"id": item["id"], "deleted": True}], "proration_behavior": "none"}
    )
    harness.reconcile("without")
    harness.usage("without-usage")
    harness.reconcile("with")
    end = period_end(harness)
    use(harness, 1234, harness.world.now + HOUR)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    harness.usage()
    assert [line for line in lines(cycle(harness)) if line != ("1", 0)] == [("1234", 333)], (
        "besides Stripe's own for the item"
    )
