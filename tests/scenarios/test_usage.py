"""Usage gets onto the invoice before it is finalized, proven, or the invoice waits and somebody is told (BILLING 8 and 9)."""

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
from stripe_sync.core.errors import Waiting
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.usage import manual_actions
from stripe_sync.jobs.usage.open_windows import rows
from stripe_sync.jobs.usage.steps import read_quantities
from stripe_sync.warehouse.usage import movements
from tests import warehouses
from tests.house import House
from tests.metering import (
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

Build = Callable[[WorldBuilder], House]
# 1-5 at 20, 6-10 at 15, from 11 on at 10, with flat fees of 10, 8 and 5 (reference: E8's table).
TIERED = tiered("calls", [(5, 20, 10), (10, 15, 8), (None, 10, 5)], model="USAGE_BASED")
TIERED_LINES = [("5", 10000), ("1", 1000), ("5", 7500), ("1", 800), ("2", 2000), ("1", 500)]


class Killed(BaseException):
    """The process dies here."""


def test_usage_of_the_last_minutes_is_on_the_draft_before_it_is_finalized(
    house_of: Build, metered: WorldBuilder
) -> None:
    house = house_of(metered)
    end = month_end(house)
    given = house.usage()
    draft = cycle(house)
    assert (draft["status"], lines(draft)) == ("draft", [("1234", 333)])  # 3.3318 USD
    assert draft["total"] == 2000 + 333
    assert given["proven"] == 1
    until(house, end + HOUR + MINUTE)
    assert cycle(house)["status"] in ("open", "paid")
    assert house.usage()["counts"] == {"billed": 1}


def test_a_run_with_nothing_due_asks_nobody_anything(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.reconcile()
    house.later(HOUR)
    house.reconcile()
    house.usage()
    house.world.requests.clear()
    assert house.usage()["due"] == 0
    assert [r for r in house.world.requests if r.side != "control"] == []


def test_a_second_run_finds_nothing_to_write(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    month_end(house)
    house.usage()
    writes = house.writes()
    house.later(10 * MINUTE)
    assert house.usage()["lines"] == {}
    assert house.writes() == writes


def test_a_correction_up_and_down_before_finalization_is_on_the_draft(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    end = month_end(house, 100)
    house.usage()
    use(house, 20, end - MINUTE)
    until(house, end + 45 * MINUTE)
    house.usage()
    assert lines(cycle(house)) == [("120", 32)]
    use(house, -30, end - 30)
    until(house, end + 51 * MINUTE)
    house.usage()
    assert lines(cycle(house)) == [("120", 32)], "it is read once in the last two intervals"
    until(house, end + HOUR + MINUTE)
    house.usage()
    assert house.usage()["counts"] == {"billed": 1}


@pytest.mark.parametrize("value", [90, 120])
def test_a_correction_that_stigg_shows_while_the_draft_is_held(
    house_of: Build, metered: WorldBuilder, value: int
) -> None:
    house = house_of(metered)
    end = month_end(house, 100)
    house.usage()
    draft = cycle(house)
    session = house.session()
    manual_actions.hold(session, draft["id"], Hand("ann", "a late correction comes"))
    session.close()
    use(house, value - 100, end - MINUTE)
    until(house, end + 24 * HOUR - 15 * MINUTE)
    house.reconcile()
    house.usage()
    assert lines(cycle(house)) == [(str(value), {90: 24, 120: 32}[value])]
    until(house, end + 24 * HOUR + MINUTE)
    house.usage()
    assert ledger(house) == {"billed": (str(value), {90: 24, 120: 32}[value])}


def test_two_resources_of_one_customer_are_two_quantities(house_of: Build, metered: WorldBuilder) -> None:
    for resource, row in (
        ("r-1", metered.stigg["subscriptions"][0]),
        ("r-2", metered.subscription("s-2", "c-1", "pro")),
    ):
        row["resource"] = {"resourceId": resource}
    house = house_of(metered)
    house.reconcile()
    end = period_end(house)
    until(house, end - 3 * MINUTE)
    house.reconcile()
    use(house, 1000, end - HOUR, resourceId="r-1")
    use(house, 500, end - HOUR, resourceId="r-2")
    until(house, end + MINUTE)
    house.usage()
    assert lines(cycle(house, "s-1")) == [("1000", 270)]
    assert lines(cycle(house, "s-2")) == [("500", 135)]


def test_two_subscriptions_that_bill_the_same_use_are_refused_and_held(house_of: Build, metered: WorldBuilder) -> None:
    metered.subscription("s-2", "c-1", "pro")
    house = house_of(metered)
    month_end(house)
    found = house.usage()
    assert {p["reason"] for p in found["problems"]} == {"USAGE_AMBIGUOUS"}
    assert lines(cycle(house, "s-1")) == lines(cycle(house, "s-2")) == []


def test_stigg_does_not_answer_the_draft_waits_and_goes_out_whole(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.attempts = 1
    end = month_end(house)
    house.world.faults.append(Fault("STIGG", "UsageHistory", status=503, times=100))
    found = house.usage()
    draft = cycle(house)
    assert found["held"] == [draft["id"]]
    assert draft["automatically_finalizes_at"] == end + 24 * HOUR
    until(house, end + 2 * HOUR)
    assert cycle(house)["status"] == "draft"
    house.world.faults.clear()
    found = house.usage()
    assert (lines(cycle(house)), found["released"]) == ([("1234", 333)], [draft["id"]])
    until(house, end + 2 * HOUR + LEAD)
    assert cycle(house)["status"] != "draft"
    assert house.usage()["counts"] == {"billed": 1}


def test_nothing_ran_for_a_day_what_was_finalized_without_it_is_found_with_its_amount(
    house_of: Build, metered: WorldBuilder
) -> None:
    house = house_of(metered)
    end = month_end(house)
    until(house, end + DAY)
    house.reconcile()
    found = house.usage(wakes=True)
    assert "1234 of calls of s-1 (3.33 USD, row 1) are not billed" in found["pages"][0]
    assert ledger(house) == {"unbillable": ("1234", 333)}
    assert house.usage()["pages"] == [], "told once, then listed"
    session = house.session()
    assert [(r["state"], r["amount"]) for r in rows(session)] == [("unbillable", "3.33 USD")]
    manual_actions.waive(session, "1", Hand("ann", "a gift"))
    session.close()
    assert ledger(house) == {"waived": ("1234", 333)}


def test_an_invoice_that_is_finalized_between_reading_and_writing_is_not_short_in_silence(
    house_of: Build, metered: WorldBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(metered)
    end = month_end(house)
    counted = read_quantities.counted

    def late(*given: Any) -> Any:
        until(house, end + 2 * DAY)
        return counted(*given)

    monkeypatch.setattr(read_quantities, "counted", late)
    found = house.usage(wakes=True)
    assert "not billed" in found["pages"][0]


def test_a_line_that_a_person_deletes_comes_back_and_one_of_somebody_else_stays(
    house_of: Build, metered: WorldBuilder
) -> None:
    house = house_of(metered)
    end = month_end(house)
    house.usage()
    (item,) = house.objects("invoiceitems")
    house.stripe().v1.invoice_items.delete(item["id"])
    draft = cycle(house)
    house.stripe().v1.invoice_items.create(
        {"customer": draft["customer"], "invoice": draft["id"], "amount": 700, "currency": "usd"}
    )
    until(house, end + 45 * MINUTE)
    house.usage()
    assert sorted(lines(cycle(house))) == [("1", 700), ("1234", 333)]
    assert ledger(house) == {"proven": ("1234", 333)}


def test_a_list_that_is_older_than_our_own_line_does_not_double_it(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    month_end(house)
    old = Fault("GET", "/v1/invoices", kind="stale", times=3)
    house.world.faults.append(old)
    house.usage()
    until(house, house.world.now + 45 * MINUTE)
    house.usage()
    assert lines(cycle(house)) == [("1234", 333)]


@pytest.mark.parametrize("moment", ["before the call", "after the call", "before the ledger"])
@pytest.mark.parametrize("nth", [1, 3])
def test_killed_at_every_write_and_started_again_each_line_is_there_once(
    house_of: Build, metered: WorldBuilder, moment: str, nth: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    metered.plan("tiers", "Tiers", [flat(5), TIERED])
    metered.customer("c-2", "Two", "two@example.test")
    metered.subscription("s-2", "c-2", "tiers")
    house = house_of(metered)
    house.change(workers=1)
    house.reconcile()
    end = period_end(house)
    until(house, end - 3 * MINUTE)
    house.reconcile()
    use(house, 1234, end - HOUR)
    use(house, 12, end - HOUR, customerId="c-2")
    until(house, end + MINUTE)
    calls = itertools.count(1)
    whole = {
        "before the call": executor.Executor.write,
        "after the call": executor.Executor.made,
        "before the ledger": movements.move,
    }

    def deadly(*given: Any, **more: Any) -> Any:
        if next(calls) == nth:
            raise Killed
        return whole[moment](*given, **more)

    target, name = {"before the call": (executor.Executor, "write"), "after the call": (executor.Executor, "made"),
                    "before the ledger": (movements, "move")}[moment]  # fmt: skip
    monkeypatch.setattr(target, name, deadly)
    with pytest.raises(Killed):
        house.usage("killed")
    monkeypatch.setattr(target, name, whole[moment])
    house.later(10 * MINUTE)
    house.usage("after")
    assert lines(cycle(house, "s-1")) == [("1234", 333)]
    assert lines(cycle(house, "s-2")) == TIERED_LINES
    until(house, end + HOUR + MINUTE)
    house.usage()
    assert house.usage()["counts"] == {"billed": 2}


def test_every_task_of_a_finished_run_cleared_three_days_later_writes_nothing(
    house_of: Build, metered: WorldBuilder
) -> None:
    house = house_of(metered)
    month_end(house)
    house.usage("run")
    writes = house.writes()
    house.later(3 * DAY)
    house.usage("run")
    assert house.writes() == writes


def test_two_runs_at_once_count_once(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    month_end(house)

    def run(name: str) -> None:
        with contextlib.suppress(Waiting):
            house.usage(name)

    threads = [threading.Thread(target=run, args=(f"twin-{n}",)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    house.later(10 * MINUTE)
    house.usage()
    assert lines(cycle(house)) == [("1234", 333)]
    assert ledger(house) == {"proven": ("1234", 333)}


def test_a_lost_warehouse_takes_up_the_lines_that_are_on_the_drafts(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    end = month_end(house)
    house.usage()
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        house.reconcile("anew")
        writes = house.writes()
        house.usage("anew-usage")
        assert house.writes() == writes
        assert (lines(cycle(house)), ledger(house)) == ([("1234", 333)], {"proven": ("1234", 333)})
        until(house, end + 2 * HOUR)
        house.usage("anew-later")
        assert ledger(house) == {"billed": ("1234", 333)}


def test_an_item_that_somebody_removed_does_not_end_its_charge(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.reconcile()
    house.reconcile()
    house.usage()
    held = subscription(house)
    item = next(i for i in held["items"]["data"] if i["price"]["unit_amount"] == 0)
    house.stripe().v1.subscriptions.update(
        held["id"], {"items": [{"id": item["id"], "deleted": True}], "proration_behavior": "none"}
    )
    house.reconcile("without")
    house.usage("without-usage")
    house.reconcile("with")
    end = period_end(house)
    use(house, 1234, house.world.now + HOUR)
    until(house, end - 3 * MINUTE)
    house.reconcile()
    until(house, end + MINUTE)
    house.usage()
    assert [line for line in lines(cycle(house)) if line != ("1", 0)] == [("1234", 333)], (
        "besides Stripe's own for the item"
    )
