"""Usage by Stripe's meters: by choice, and for items that the native integration left (BILLING 8)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, tiered, uid
from sandbox.world.state import Fault, iso
from stripe_sync.core.errors import ConfigurationError, FatalError
from stripe_sync.core.settings import UsageMeter
from stripe_sync.jobs.runtime.manual_actions import Operator
from stripe_sync.jobs.setup import connect
from stripe_sync.jobs.usage import manual_actions
from stripe_sync.warehouse.comparisons import statuses
from tests.support import warehouses
from tests.support.harness import Harness
from tests.support.metering import (
    DAY,
    HOUR,
    LEAD,
    MINUTE,
    audited,
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
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


def lose_the_answer(harness: Harness, when: str = "after") -> None:
    """A run whose event is sent, or not even that, and never answered."""
    harness.attempts = 2
    harness.world.faults.append(Fault("POST", "/v1/billing/meter_events", when=when, kind="reset", times=30))
    harness.usage()
    harness.world.faults.clear()


def test_a_chosen_meter_bills_the_use_of_a_month(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    id = by_meter(harness)
    end = month_end(harness)
    assert {r["meter"] for r in prices(harness)} == {None, id}
    first = harness.usage()
    assert (first["proven"], events(harness)) == (0, ["1234"]), "sent, and not counted yet"
    until(harness, end + 11 * MINUTE)
    assert harness.usage()["proven"] == 1
    assert metered_lines(cycle(harness)) == [("0", 0)], "the summary proves it; the draft shows it when it is finalized"
    until(harness, end + 11 * MINUTE + LEAD)
    harness.usage()
    final = cycle(harness)
    assert (metered_lines(final), final["total"]) == ([("1234", 333)], 2333)
    assert ledger(harness) == {"billed": ("1234", 333)}
    assert events(harness) == ["1234"]
    session = harness.session()
    (row,) = audited(session, "2026-12")
    session.close()
    assert (row["expected"], row["invoiced"], row["difference"], row["missing"]) == (2333, 2333, 0, 0)


def test_a_draft_is_held_until_its_meter_has_counted(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    harness.world.limits["meter_delay"] = 3 * HOUR
    by_meter(harness)
    end = month_end(harness)
    assert harness.usage()["held"] == [cycle(harness)["id"]]
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert cycle(harness)["status"] == "draft"
    until(harness, end + 3 * HOUR + 2 * MINUTE)
    assert harness.usage()["released"] == [cycle(harness)["id"]]
    until(harness, end + 3 * HOUR + 2 * MINUTE + LEAD)
    harness.usage()
    assert (ledger(harness), events(harness)) == ({"billed": ("1234", 333)}, ["1234"])


def test_a_correction_is_sent_up_and_down(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness, 100)
    harness.usage()
    use(harness, 20, end - MINUTE)
    until(harness, end + 10 * MINUTE)
    harness.usage()
    use(harness, -30, end - 30)
    until(harness, end + 20 * MINUTE)
    harness.usage()
    until(harness, end + 30 * MINUTE)
    harness.usage()
    assert events(harness) == ["100", "20", "-30"]
    until(harness, end + 30 * MINUTE + LEAD)
    harness.usage()
    assert metered_lines(cycle(harness)) == [("90", 24)]
    assert ledger(harness) == {"billed": ("90", 24)}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_event_whose_answer_is_lost_counts_once(harness_of: Build, metered: WorldBuilder, when: str) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness)
    lose_the_answer(harness, when)
    for minutes in (10, 20, 30):
        until(harness, end + minutes * MINUTE)
        harness.usage()
    assert events(harness) == ["1234"]
    assert harness.usage()["counts"] == {"proven": 1}
    until(harness, end + 30 * MINUTE + LEAD)
    assert harness.usage()["counts"] == {"billed": 1}
    assert metered_lines(cycle(harness)) == [("1234", 333)]


def test_a_run_three_days_late_asks_what_was_counted_and_sends_nothing_again(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    harness.change(usage={"hold_hours": 120})
    by_meter(harness)
    end = month_end(harness)
    lose_the_answer(harness)
    harness.world.replays.clear()  # Stripe forgets idempotency keys and identifiers after a day
    until(harness, end + 3 * DAY)
    harness.reconcile()
    harness.usage()
    harness.usage()
    assert events(harness) == ["1234"]
    until(harness, end + 5 * DAY + HOUR)
    harness.reconcile()
    harness.usage()
    assert ledger(harness)["billed"] == ("1234", 333)


def test_an_identifier_that_stripe_has_already_is_no_second_event(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness)
    lose_the_answer(harness)
    harness.world.replays.clear()
    harness.world.limits["meter_delay"] = HOUR
    until(harness, end + 10 * MINUTE)
    given = harness.usage()
    assert (given["lines"], given["refused"]) == ({"done": 1}, []), "the same identifier again counts as sent (SB 4.7)"
    until(harness, end + 70 * MINUTE)
    harness.usage()
    assert (events(harness), harness.usage()["counts"]) == (["1234"], {"proven": 1})


def test_a_deactivated_meter_holds_the_draft_and_says_why(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    id = by_meter(harness)
    end = month_end(harness)
    harness.stripe().v1.billing.meters.deactivate(id)
    given = harness.usage()
    assert given["held"] == [cycle(harness)["id"]]
    assert any("is inactive; reactivate it in Stripe" in text for text in given["refused"])
    harness.stripe().v1.billing.meters.reactivate(id)
    until(harness, end + 2 * HOUR)
    harness.usage()
    until(harness, end + 2 * HOUR + 10 * MINUTE)
    assert harness.usage()["proven"] == 1


def test_a_second_subscription_of_a_customer_is_billed_by_lines(harness_of: Build, metered: WorldBuilder) -> None:
    for id, resource in (("s-1", "r-1"), ("s-2", "r-2")):
        row = metered.stigg["subscriptions"][0] if id == "s-1" else metered.subscription(id, "c-1", "pro")
        row["resource"] = {"resourceId": resource}
    harness = harness_of(metered)
    by_meter(harness)
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    use(harness, 100, end - 2 * MINUTE, resourceId="r-1")
    use(harness, 50, end - 2 * MINUTE, resourceId="r-2")
    until(harness, end + MINUTE)
    harness.usage()
    until(harness, end + 11 * MINUTE)
    harness.usage()
    assert events(harness) == ["100"]
    assert harness.usage()["counts"] == {"proven": 2}
    until(harness, end + 11 * MINUTE + LEAD)
    found = {id: cycle(harness, id)["total"] for id in ("s-1", "s-2")}
    assert found == {"s-1": 2000 + 27, "s-2": 2000 + 14}
    harness.reconcile()
    (found,) = statuses.find(harness.engine, "test", "s-2")
    assert found.detail.startswith("METER_SHARED"), found


def test_fractions_are_sent_as_whole_numbers_of_a_smaller_unit(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    by_meter(harness, decimals=3)
    end = month_end(harness, 1234.5)
    harness.usage()
    until(harness, end + 11 * MINUTE)
    assert harness.usage()["proven"] == 1
    until(harness, end + 11 * MINUTE + LEAD)
    assert (events(harness), metered_lines(cycle(harness))) == (["1234500"], [("1234500", 333)])


def test_a_fraction_that_a_meter_cannot_count_waits_for_a_person(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    month_end(harness, 1234.5)
    given = harness.usage()
    assert any("are no whole number to the meter" in text for text in given["refused"])
    assert (given["held"], events(harness)) == ([cycle(harness)["id"]], [])


def test_graduated_tiers_with_flat_fees_are_priced_alike(harness_of: Build, metered: WorldBuilder) -> None:
    metered.stigg["plans"].clear()
    metered.stigg["subscriptions"].clear()
    tiers = tiered("calls", [(5, 20, 10), (10, 15, 8), (None, 10, 5)], model="USAGE_BASED")
    metered.plan("pro", "Pro", [flat(20), tiers])
    metered.subscription("s-1", "c-1", "pro")
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness, 12)
    harness.usage()
    until(harness, end + 11 * MINUTE)
    assert harness.usage()["proven"] == 1
    # 5 × 20 + 10, 5 × 15 + 8, 2 × 10 + 5, by hand
    until(harness, end + 11 * MINUTE + LEAD)
    assert harness.usage()["counts"] == {"billed": 1}
    assert cycle(harness)["total"] == 2000 + 11000 + 8300 + 2500


def test_an_anchor_becomes_a_meter_and_goes_back_at_once_without_money(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    end = month_end(harness, 100)
    by_meter(harness)
    harness.reconcile()
    harness.usage()
    assert cycle(harness)["total"] == 2000 + 27, "the closed month is on its draft as before"
    until(harness, end + HOUR + 5 * MINUTE)
    harness.usage()
    invoices = len(harness.objects("invoices"))
    harness.change(usage={"meters": {}})
    harness.reconcile()
    assert {r["usage_type"] for r in prices(harness)} == {"licensed"}
    assert len(harness.objects("invoices")) == invoices
    assert harness.plan().plan.actions == []
    use(harness, 7, harness.world.now)
    end = period_end(harness)
    until(harness, end - MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    harness.usage()
    assert (events(harness), cycle(harness)["total"]) == ([], 2000 + 2)


def test_a_lost_warehouse_takes_up_what_its_meter_has_counted(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness)
    harness.usage()
    until(harness, end + 5 * MINUTE)
    with warehouses.fresh() as (url, engine):
        harness.engine, harness.warehouse_url = engine, url
        harness.reconcile("anew")
        until(harness, end + 15 * MINUTE)
        harness.usage("anew-usage")
        assert (events(harness), ledger(harness)["billed_before_us"]) == (["1234"], ("1234", 333))
        assert harness.usage("anew-later")["counts"] == {"proven": 1}


@ends("draft_meter_lines_follow", yes=[("1234", 333)], no=[("0", 0)])
def test_a_meter_is_proven_by_its_summary_whatever_its_draft_shows_before_it_is_final(
    harness_of: Build, metered: WorldBuilder, end: list[tuple[str, int]]
) -> None:
    """F3, SB 4.1: the quantity is updated when the draft is finalized; whether it is before that is not known."""
    harness = harness_of(metered)
    by_meter(harness)
    renewal = month_end(harness)
    harness.usage()
    until(harness, renewal + 11 * MINUTE)
    given = harness.usage()
    assert (given["proven"], given["refused"], given["pages"]) == (1, [], [])
    assert metered_lines(cycle(harness)) == end
    until(harness, renewal + 11 * MINUTE + LEAD)
    assert cycle(harness)["status"] == "open", "it did not wait for the deadline of its hold"
    harness.usage()
    assert (ledger(harness), metered_lines(cycle(harness))) == ({"billed": ("1234", 333)}, [("1234", 333)])


def test_use_that_a_meter_counts_after_the_draft_is_final_is_on_no_invoice_and_stays_listed(
    harness_of: Build, metered: WorldBuilder
) -> None:
    """SB 4.2: 100 calls are 0.27; the meter counts them an hour too late, and the draft could not wait."""
    harness = harness_of(metered)
    harness.world.unknowns["finalization_moves"] = False
    harness.world.limits["meter_delay"] = 2 * HOUR
    by_meter(harness)
    end = month_end(harness, 100)
    harness.usage()
    until(harness, end + HOUR + MINUTE)
    message = harness.usage(alerts=True)["pages"]
    assert any("bills 0.00 USD by a meter, and 0.27 USD was used" in text for text in message)
    until(harness, end + 3 * HOUR)
    assert harness.usage()["pages"] == []
    assert (metered_lines(cycle(harness)), ledger(harness)) == ([("0", 0)], {"unbillable": ("100", 27)})


def test_an_event_that_stripe_does_not_count_is_named_with_its_reason(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness)
    harness.usage()
    (event,) = harness.world.stripe["meter_events"].values()
    event["error"] = "meter_event_customer_not_found"
    until(harness, end + 11 * MINUTE)
    given = harness.usage()
    assert any("Stripe reports meter_event_customer_not_found." in text for text in given["refused"])
    assert (cycle(harness)["automatically_finalizes_at"], events(harness)) == (end + DAY, ["1234"])


def test_what_was_sent_to_a_meter_is_not_waived(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    month_end(harness)
    harness.usage()
    session = harness.session()
    with pytest.raises(ConfigurationError, match="was sent to the meter"):
        manual_actions.waive(session, "1", Operator("ann", "a gift"))
    session.close()


def test_a_price_that_changes_in_the_period_is_billed_by_lines_then_by_the_meter_again(
    harness_of: Build, metered: WorldBuilder
) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    harness.reconcile()
    end = period_end(harness)
    harness.later(HOUR)
    harness.reconcile()
    harness.usage()
    until(harness, end - 10 * DAY)
    use(harness, 100, harness.world.now - HOUR)
    (plan,) = metered.stigg["plans"]
    (sub,) = harness.world.stigg["subscriptions"]
    part = next(p for p in sub["prices"] if p["featureId"] == "calls")
    own = next(p for p in plan["prices"] if p["billingModel"] == "USAGE_BASED")
    override = own | {"id": uid("dearer"), "isOverridePrice": True, "price": {"amount": 0.01, "currency": "USD"}}
    part |= {"price": override, "updatedAt": iso(harness.world.now)}
    harness.later(MINUTE)
    harness.reconcile()
    harness.usage()
    use(harness, 50, end - 2 * MINUTE)
    until(harness, end - MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    harness.usage()
    until(harness, end + 11 * MINUTE)
    harness.usage()
    assert harness.usage()["counts"] == {"proven": 2}
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert cycle(harness)["total"] == 2000 + 27 + 50, "100 at 0.0027 and 50 at 0.01"
    invoices = len(harness.objects("invoices"))
    for _ in range(3):  # the old item goes, then the meter comes back at the new price, then the old price is archived
        harness.reconcile()
    assert harness.plan().plan.actions == []
    assert sorted(r["usage_type"] for r in prices(harness)) == ["licensed", "metered"]
    assert len(harness.objects("invoices")) == invoices, "without money"


@pytest.mark.parametrize(("beyond", "words", "state"), [(10, "Credit the difference", "billed"),
                                                        (-10, "Put the rest on the next invoice", "unbillable")])  # fmt: skip
def test_what_somebody_else_sends_after_the_proof_is_found_on_the_invoice(
    harness_of: Build, metered: WorldBuilder, beyond: int, words: str, state: str
) -> None:
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness)
    harness.usage()
    until(harness, end + 50 * MINUTE)
    assert harness.usage()["proven"] == 1
    harness.stripe().v1.billing.meter_events.create({
        "event_name": "calls", "identifier": "theirs", "timestamp": end - 60,
        "payload": {"stripe_customer_id": cycle(harness)["customer"], "value": str(beyond)},
    })  # fmt: skip
    until(harness, end + 50 * MINUTE + LEAD)
    with pytest.raises(FatalError, match=words):
        harness.usage()
    assert set(ledger(harness)) == {state}


def test_connect_says_which_meter_cannot_count(harness_of: Build, metered: WorldBuilder) -> None:
    harness = harness_of(metered)
    id = by_meter(harness)

    def message() -> tuple[str, str]:
        session = harness.session()
        (line,) = [c for c in connect.lines(session) if c.name == "meters"]
        session.close()
        return line.state, line.text

    assert message()[0] == "ok"
    harness.stripe().v1.billing.meters.deactivate(id)
    assert message() == ("failure", f"calls: meter {id} is inactive; reactivate it; correct usage.meters")
    harness.change(usage={"meters": {"calls": UsageMeter("mtr_none")}})
    assert message() == ("failure", "calls: meter mtr_none not found in Stripe; correct usage.meters")


def test_a_report_of_errors_that_may_not_be_read_ends_nothing(harness_of: Build, metered: WorldBuilder) -> None:
    """F15: the right for /v2/core/events is one of its own; without it the draft is held and reported all the same."""
    harness = harness_of(metered)
    by_meter(harness)
    end = month_end(harness)
    harness.usage()
    (event,) = harness.world.stripe["meter_events"].values()
    event["error"] = "meter_event_customer_not_found"
    until(harness, end + 11 * MINUTE)
    harness.world.faults.append(Fault("GET", "/v2/core/events", status=403, times=100))
    given = harness.usage()
    assert any("has not counted all of" in text and "errors cannot be read" in text for text in given["refused"])
