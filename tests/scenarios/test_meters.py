"""Usage by Stripe's meters: by choice, and for items that the native integration left (BILLING 8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, tiered, uid
from sandbox.world.state import Fault, iso
from stripe_sync.core.errors import ConfigurationError, RunStopped
from stripe_sync.core.settings import UsageMeter
from stripe_sync.jobs.finance import month_audit
from stripe_sync.jobs.runtime.manual_actions import Hand
from stripe_sync.jobs.setup import connect
from stripe_sync.jobs.usage import manual_actions
from stripe_sync.warehouse.comparisons import statuses
from tests import warehouses
from tests.house import House
from tests.metering import (
    DAY,
    HOUR,
    LEAD,
    MINUTE,
    by_meter,
    cycle,
    events,
    ledger,
    metered_lines,
    month_end,
    period_end,
    prices,
    until,
    use,
)
from tests.switches import ends

Build = Callable[[WorldBuilder], House]


def lose_the_answer(house: House, when: str = "after") -> None:
    """A run whose event is sent, or not even that, and never answered."""
    house.attempts = 2
    house.world.faults.append(Fault("POST", "/v1/billing/meter_events", when=when, kind="reset", times=30))
    house.usage()
    house.world.faults.clear()


def test_a_chosen_meter_bills_the_use_of_a_month(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    id = by_meter(house)
    end = month_end(house)
    assert {r["meter"] for r in prices(house)} == {None, id}
    first = house.usage()
    assert (first["proven"], events(house)) == (0, ["1234"]), "sent, and not counted yet"
    until(house, end + 11 * MINUTE)
    assert house.usage()["proven"] == 1
    assert metered_lines(cycle(house)) == [("0", 0)], "the summary proves it; the draft shows it when it is finalized"
    until(house, end + 11 * MINUTE + LEAD)
    house.usage()
    final = cycle(house)
    assert (metered_lines(final), final["total"]) == ([("1234", 333)], 2333)
    assert ledger(house) == {"billed": ("1234", 333)}
    assert events(house) == ["1234"]
    session = house.session()
    (row,) = month_audit.audit(session, "2026-12")
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"], row["missing"]) == (2333, 2333, 0, 0)


def test_a_draft_is_held_until_its_meter_has_counted(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    house.world.limits["meter_delay"] = 3 * HOUR
    by_meter(house)
    end = month_end(house)
    assert house.usage()["held"] == [cycle(house)["id"]]
    until(house, end + 2 * HOUR)
    house.usage()
    assert cycle(house)["status"] == "draft"
    until(house, end + 3 * HOUR + 2 * MINUTE)
    assert house.usage()["released"] == [cycle(house)["id"]]
    until(house, end + 3 * HOUR + 2 * MINUTE + LEAD)
    house.usage()
    assert (ledger(house), events(house)) == ({"billed": ("1234", 333)}, ["1234"])


def test_a_correction_is_sent_up_and_down(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    by_meter(house)
    end = month_end(house, 100)
    house.usage()
    use(house, 20, end - MINUTE)
    until(house, end + 10 * MINUTE)
    house.usage()
    use(house, -30, end - 30)
    until(house, end + 20 * MINUTE)
    house.usage()
    until(house, end + 30 * MINUTE)
    house.usage()
    assert events(house) == ["100", "20", "-30"]
    until(house, end + 30 * MINUTE + LEAD)
    house.usage()
    assert metered_lines(cycle(house)) == [("90", 24)]
    assert ledger(house) == {"billed": ("90", 24)}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_event_whose_answer_is_lost_counts_once(house_of: Build, metered: WorldBuilder, when: str) -> None:
    house = house_of(metered)
    by_meter(house)
    end = month_end(house)
    lose_the_answer(house, when)
    for minutes in (10, 20, 30):
        until(house, end + minutes * MINUTE)
        house.usage()
    assert events(house) == ["1234"]
    assert house.usage()["counts"] == {"proven": 1}
    until(house, end + 30 * MINUTE + LEAD)
    assert house.usage()["counts"] == {"billed": 1}
    assert metered_lines(cycle(house)) == [("1234", 333)]


def test_a_run_three_days_late_asks_what_was_counted_and_sends_nothing_again(
    house_of: Build, metered: WorldBuilder
) -> None:
    house = house_of(metered)
    house.change(hold_hours=120)
    by_meter(house)
    end = month_end(house)
    lose_the_answer(house)
    house.world.replays.clear()  # Stripe forgets idempotency keys and identifiers after a day
    until(house, end + 3 * DAY)
    house.reconcile()
    house.usage()
    house.usage()
    assert events(house) == ["1234"]
    until(house, end + 5 * DAY + HOUR)
    house.reconcile()
    house.usage()
    assert ledger(house)["billed"] == ("1234", 333)


def test_an_identifier_that_stripe_has_already_is_no_second_event(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    by_meter(house)
    end = month_end(house)
    lose_the_answer(house)
    house.world.replays.clear()
    house.world.limits["meter_delay"] = HOUR
    until(house, end + 10 * MINUTE)
    given = house.usage()
    assert (given["lines"], given["refused"]) == ({"done": 1}, []), "the same identifier again counts as sent (SB 4.7)"
    until(house, end + 70 * MINUTE)
    house.usage()
    assert (events(house), house.usage()["counts"]) == (["1234"], {"proven": 1})


def test_a_deactivated_meter_holds_the_draft_and_says_why(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    id = by_meter(house)
    end = month_end(house)
    house.stripe().v1.billing.meters.deactivate(id)
    given = house.usage()
    assert given["held"] == [cycle(house)["id"]]
    assert any("is inactive; reactivate it in Stripe" in text for text in given["refused"])
    house.stripe().v1.billing.meters.reactivate(id)
    until(house, end + 2 * HOUR)
    house.usage()
    until(house, end + 2 * HOUR + 10 * MINUTE)
    assert house.usage()["proven"] == 1


def test_a_second_subscription_of_a_customer_is_billed_by_lines(house_of: Build, metered: WorldBuilder) -> None:
    for id, resource in (("s-1", "r-1"), ("s-2", "r-2")):
        row = metered.stigg["subscriptions"][0] if id == "s-1" else metered.subscription(id, "c-1", "pro")
        row["resource"] = {"resourceId": resource}
    house = house_of(metered)
    by_meter(house)
    house.reconcile()
    end = period_end(house)
    until(house, end - 3 * MINUTE)
    house.reconcile()
    use(house, 100, end - 2 * MINUTE, resourceId="r-1")
    use(house, 50, end - 2 * MINUTE, resourceId="r-2")
    until(house, end + MINUTE)
    house.usage()
    until(house, end + 11 * MINUTE)
    house.usage()
    assert events(house) == ["100"]
    assert house.usage()["counts"] == {"proven": 2}
    until(house, end + 11 * MINUTE + LEAD)
    found = {id: cycle(house, id)["total"] for id in ("s-1", "s-2")}
    assert found == {"s-1": 2000 + 27, "s-2": 2000 + 14}
    house.reconcile()
    (found,) = statuses.find(house.engine, "test", "s-2")
    assert found.detail.startswith("METER_SHARED"), found


def test_fractions_are_sent_as_whole_numbers_of_a_smaller_unit(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    by_meter(house, decimals=3)
    end = month_end(house, 1234.5)
    house.usage()
    until(house, end + 11 * MINUTE)
    assert house.usage()["proven"] == 1
    until(house, end + 11 * MINUTE + LEAD)
    assert (events(house), metered_lines(cycle(house))) == (["1234500"], [("1234500", 333)])


def test_a_fraction_that_a_meter_cannot_count_waits_for_a_person(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    by_meter(house)
    month_end(house, 1234.5)
    given = house.usage()
    assert any("are no whole number to the meter" in text for text in given["refused"])
    assert (given["held"], events(house)) == ([cycle(house)["id"]], [])


def test_graduated_tiers_with_flat_fees_are_priced_alike(house_of: Build, metered: WorldBuilder) -> None:
    metered.stigg["plans"].clear()
    metered.stigg["subscriptions"].clear()
    tiers = tiered("calls", [(5, 20, 10), (10, 15, 8), (None, 10, 5)], model="USAGE_BASED")
    metered.plan("pro", "Pro", [flat(20), tiers])
    metered.subscription("s-1", "c-1", "pro")
    house = house_of(metered)
    by_meter(house)
    end = month_end(house, 12)
    house.usage()
    until(house, end + 11 * MINUTE)
    assert house.usage()["proven"] == 1
    # 5 × 20 + 10, 5 × 15 + 8, 2 × 10 + 5, by hand
    until(house, end + 11 * MINUTE + LEAD)
    assert house.usage()["counts"] == {"billed": 1}
    assert cycle(house)["total"] == 2000 + 11000 + 8300 + 2500


def test_an_anchor_becomes_a_meter_and_goes_back_at_once_without_money(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    end = month_end(house, 100)
    by_meter(house)
    house.reconcile()
    house.usage()
    assert cycle(house)["total"] == 2000 + 27, "the closed month is on its draft as before"
    until(house, end + HOUR + 5 * MINUTE)
    house.usage()
    invoices = len(house.objects("invoices"))
    house.change(usage_meters={})
    house.reconcile()
    assert {r["usage_type"] for r in prices(house)} == {"licensed"}
    assert len(house.objects("invoices")) == invoices
    assert house.plan().plan.actions == []
    use(house, 7, house.world.now)
    end = period_end(house)
    until(house, end - MINUTE)
    house.reconcile()
    until(house, end + MINUTE)
    house.usage()
    assert (events(house), cycle(house)["total"]) == ([], 2000 + 2)


def test_a_lost_warehouse_takes_up_what_its_meter_has_counted(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    by_meter(house)
    end = month_end(house)
    house.usage()
    until(house, end + 5 * MINUTE)
    with warehouses.fresh() as (url, engine):
        house.engine, house.warehouse_url = engine, url
        house.reconcile("anew")
        until(house, end + 15 * MINUTE)
        house.usage("anew-usage")
        assert (events(house), ledger(house)["billed_before_us"]) == (["1234"], ("1234", 333))
        assert house.usage("anew-later")["counts"] == {"proven": 1}


@ends("draft_meter_lines_follow", yes=[("1234", 333)], no=[("0", 0)])
def test_a_meter_is_proven_by_its_summary_whatever_its_draft_shows_before_it_is_final(
    house_of: Build, metered: WorldBuilder, end: list[tuple[str, int]]
) -> None:
    """F3, SB 4.1: the quantity is updated when the draft is finalized; whether it is before that is not known."""
    house = house_of(metered)
    by_meter(house)
    renewal = month_end(house)
    house.usage()
    until(house, renewal + 11 * MINUTE)
    given = house.usage()
    assert (given["proven"], given["refused"], given["pages"]) == (1, [], [])
    assert metered_lines(cycle(house)) == end
    until(house, renewal + 11 * MINUTE + LEAD)
    assert cycle(house)["status"] == "open", "it did not wait for the deadline of its hold"
    house.usage()
    assert (ledger(house), metered_lines(cycle(house))) == ({"billed": ("1234", 333)}, [("1234", 333)])


def test_use_that_a_meter_counts_after_the_draft_is_final_is_on_no_invoice_and_stays_listed(
    house_of: Build, metered: WorldBuilder
) -> None:
    """SB 4.2: 100 calls are 0.27; the meter counts them an hour too late, and the draft could not wait."""
    house = house_of(metered)
    house.world.unknowns["finalization_moves"] = False
    house.world.limits["meter_delay"] = 2 * HOUR
    by_meter(house)
    end = month_end(house, 100)
    house.usage()
    until(house, end + HOUR + MINUTE)
    told = house.usage(wakes=True)["pages"]
    assert any("bills 0.00 USD by a meter, and 0.27 USD was used" in text for text in told)
    until(house, end + 3 * HOUR)
    assert house.usage()["pages"] == []
    assert (metered_lines(cycle(house)), ledger(house)) == ([("0", 0)], {"unbillable": ("100", 27)})


def test_an_event_that_stripe_does_not_count_is_named_with_its_reason(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    by_meter(house)
    end = month_end(house)
    house.usage()
    (event,) = house.world.stripe["meter_events"].values()
    event["error"] = "meter_event_customer_not_found"
    until(house, end + 11 * MINUTE)
    given = house.usage()
    assert any("Stripe reports meter_event_customer_not_found." in text for text in given["refused"])
    assert (cycle(house)["automatically_finalizes_at"], events(house)) == (end + DAY, ["1234"])


def test_what_was_sent_to_a_meter_is_not_waived(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    by_meter(house)
    month_end(house)
    house.usage()
    session = house.session()
    with pytest.raises(ConfigurationError, match="was sent to the meter"):
        manual_actions.waive(session, "1", Hand("ann", "a gift"))
    session.close()


def test_a_price_that_changes_in_the_period_is_billed_by_lines_then_by_the_meter_again(
    house_of: Build, metered: WorldBuilder
) -> None:
    house = house_of(metered)
    by_meter(house)
    house.reconcile()
    end = period_end(house)
    house.later(HOUR)
    house.reconcile()
    house.usage()
    until(house, end - 10 * DAY)
    use(house, 100, house.world.now - HOUR)
    (plan,) = metered.stigg["plans"]
    (sub,) = house.world.stigg["subscriptions"]
    part = next(p for p in sub["prices"] if p["featureId"] == "calls")
    own = next(p for p in plan["prices"] if p["billingModel"] == "USAGE_BASED")
    override = own | {"id": uid("dearer"), "isOverridePrice": True, "price": {"amount": 0.01, "currency": "USD"}}
    part |= {"price": override, "updatedAt": iso(house.world.now)}
    house.later(MINUTE)
    house.reconcile()
    house.usage()
    use(house, 50, end - 2 * MINUTE)
    until(house, end - MINUTE)
    house.reconcile()
    until(house, end + MINUTE)
    house.usage()
    until(house, end + 11 * MINUTE)
    house.usage()
    assert house.usage()["counts"] == {"proven": 2}
    until(house, end + 2 * HOUR)
    house.usage()
    assert cycle(house)["total"] == 2000 + 27 + 50, "100 at 0.0027 and 50 at 0.01"
    invoices = len(house.objects("invoices"))
    for _ in range(3):  # the old item goes, then the meter comes back at the new price, then the old price is archived
        house.reconcile()
    assert house.plan().plan.actions == []
    assert sorted(r["usage_type"] for r in prices(house)) == ["licensed", "metered"]
    assert len(house.objects("invoices")) == invoices, "without money"


@pytest.mark.parametrize(("beyond", "words", "state"), [(10, "Credit the difference", "billed"),
                                                        (-10, "Put the rest on the next invoice", "unbillable")])  # fmt: skip
def test_what_somebody_else_sends_after_the_proof_is_found_on_the_invoice(
    house_of: Build, metered: WorldBuilder, beyond: int, words: str, state: str
) -> None:
    house = house_of(metered)
    by_meter(house)
    end = month_end(house)
    house.usage()
    until(house, end + 50 * MINUTE)
    assert house.usage()["proven"] == 1
    house.stripe().v1.billing.meter_events.create({
        "event_name": "calls", "identifier": "theirs", "timestamp": end - 60,
        "payload": {"stripe_customer_id": cycle(house)["customer"], "value": str(beyond)},
    })  # fmt: skip
    until(house, end + 50 * MINUTE + LEAD)
    with pytest.raises(RunStopped, match=words):
        house.usage()
    assert set(ledger(house)) == {state}


def test_connect_says_which_meter_cannot_count(house_of: Build, metered: WorldBuilder) -> None:
    house = house_of(metered)
    id = by_meter(house)

    def told() -> tuple[str, str]:
        session = house.session()
        (line,) = [c for c in connect.lines(session) if c.name == "meters"]
        session.close()
        return line.state, line.text

    assert told()[0] == "ok"
    house.stripe().v1.billing.meters.deactivate(id)
    assert told() == ("failure", f"calls: the meter {id} is inactive; reactivate it; correct usage_meters")
    house.change(usage_meters={"calls": UsageMeter("mtr_none")})
    assert told() == ("failure", "calls: Stripe has no meter mtr_none; correct usage_meters")


def test_a_report_of_errors_that_may_not_be_read_ends_nothing(house_of: Build, metered: WorldBuilder) -> None:
    """F15: the right for /v2/core/events is one of its own; without it the draft is held and told of all the same."""
    house = house_of(metered)
    by_meter(house)
    end = month_end(house)
    house.usage()
    (event,) = house.world.stripe["meter_events"].values()
    event["error"] = "meter_event_customer_not_found"
    until(house, end + 11 * MINUTE)
    house.world.faults.append(Fault("GET", "/v2/core/events", status=403, times=100))
    given = house.usage()
    assert any("has not counted all of" in text and "errors cannot be read" in text for text in given["refused"])
