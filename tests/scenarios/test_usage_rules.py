"""Amounts of usage and its billing: a story per rule of BILLING 3, 7, 8 and 9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from sandbox.builder import WorldBuilder, flat, per_unit, tiered, usage
from sandbox.world.state import iso
from stripe_sync.core.open_questions import BY_NAME
from stripe_sync.warehouse import manual_actions
from tests.support.harness import Harness
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
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]
MINIMUM = flat(100) | {"billingModel": "MINIMUM_SPEND"}


def world(*charges: dict[str, Any], **feature: Any) -> WorldBuilder:
    """One customer on a plan with these charges, who began three hours ago."""
    made = WorldBuilder()
    made.product("acme", "Acme")
    made.feature("calls", "API calls", **({"meterType": "Incremental"} | feature))
    made.plan("pro", "Pro", list(charges))
    made.customer("c-1", "Customer 1", "c1@example.test")
    made.subscription("s-1", "c-1", "pro")
    return made


def renewed(harness: Harness, *values: float) -> int:
    """A month with this use, an hour apart, a minute after its end; gives the end."""
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    for number, value in enumerate(values, 1):
        use(harness, value, end - number * HOUR)
    until(harness, end + MINUTE)
    return end


@pytest.mark.parametrize(
    ("charge", "used", "expected"),
    [
        (usage("calls", 1, blockSize=1000), 1500, [("2", 200)]),  # reference E4 and E6
        (usage("calls", 1, blockSize=1000), 0, [("0", 0)]),
        (tiered("calls", [(5, 20, 10), (10, 15, 8), (None, 10, 5)], model="USAGE_BASED"), 20,
         [("5", 10000), ("1", 1000), ("5", 7500), ("1", 800), ("10", 10000), ("1", 500)]),  # E8: 298
        (tiered("calls", [(5, 20, 10), (10, 15, 8), (None, 10, 5)], mode="VOLUME", model="USAGE_BASED"), 7,
         [("7", 10500), ("1", 800)]),  # E11: 113
    ],
)  # fmt: skip
def test_a_documented_price_gives_its_documented_lines(
    harness_of: Build, charge: dict[str, Any], used: float, expected: list[tuple[str, int]]
) -> None:
    harness = harness_of(world(flat(20), charge))
    renewed(harness, *([used] if used else []))
    harness.usage()
    assert lines(cycle(harness)) == expected
    assert cycle(harness)["total"] == 2000 + sum(amount for _, amount in expected)


@pytest.mark.parametrize(("used", "covered", "total"), [(60, 6000, 10000), (130, 10000, 13000), (0, 0, 10000)])
def test_a_minimum_spend_was_paid_in_advance_and_use_is_drawn_from_it(
    harness_of: Build, used: int, covered: int, total: int
) -> None:
    """Reference E18: 60 of 100 leave the next 100; 130 of 100 add 30."""
    harness = harness_of(world(MINIMUM, usage("calls", 1)))
    renewed(harness, used)
    harness.usage()
    assert cycle(harness)["total"] == total
    above = used * 100 - covered
    assert lines(cycle(harness)) == [(str(used), 0), *([("1", above)] if above else [])], "no line is negative"


@pytest.mark.parametrize(("price", "used", "expected"), [
    (usage("calls", 0.01), 1300, [("300", 300)]),  # E14
    (usage("calls", 2, blockSize=100), 1301, [("4", 800)]),  # E17
    (usage("calls", 0.01), 900, [("0", 0)]),
])  # fmt: skip
def test_an_overage_bills_what_is_above_the_committed_units(
    harness_of: Build, price: dict[str, Any], used: int, expected: list[tuple[str, int]]
) -> None:
    made = world(per_unit("calls", 0.05))
    plan = made.stigg["plans"][0]
    plan["overagePrices"] = [price | {"id": "0f0f0f0f-0000-4000-8000-000000000001", "createdAt": iso(made.now)}]
    row = made.stigg["subscriptions"][0]
    row["prices"][0]["usageLimit"] = 1000
    row["prices"].append(made.charge_of("s-1", plan["overagePrices"][0], {}))
    harness = harness_of(made)
    renewed(harness, used)
    harness.usage()
    assert lines(cycle(harness)) == expected


def test_units_are_transformed_and_rounded_once_a_window(harness_of: Build) -> None:
    """Reference: 0.02 GB are billed as 1 GB."""
    made = world(usage("calls", 3), unitTransformation={"divide": 1024, "round": "UP"})
    harness = harness_of(made)
    renewed(harness, 20, 1024)
    harness.usage()
    assert lines(cycle(harness)) == [("2", 600)]


@pytest.mark.parametrize(("how", "expected"), [("last", "4"), ("max", "9")])
def test_what_rises_and_falls_is_counted_as_the_environment_says(harness_of: Build, how: Any, expected: str) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    harness.change(usage={"aggregation": {"calls": how}})
    renewed(harness, -5, 9)
    harness.usage()
    assert [q for q, _ in lines(cycle(harness))] == [expected]


def test_what_rises_and_falls_waits_while_nobody_said_how_it_is_counted(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1), meterType="Fluctuating"))
    renewed(harness, 5)
    found = harness.usage()
    assert [p["reason"] for p in found["problems"]] == ["NO_AGGREGATION"]


@pytest.mark.parametrize("after", [True, False])
def test_resets_inside_the_window_lose_nothing_whatever_the_value_at_a_reset_means(
    harness_of: Build, after: bool
) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.world.unknowns["reset_point_is_after"] = after
    harness.change(usage={"reset_semantics": "after" if after else "before"})
    harness.reconcile()
    end = period_end(harness)
    use(harness, 7, harness.world.now - 2 * DAY)  # before it began
    for days, value in ((20, 10), (10, 5), (1, 3)):
        use(harness, value, end - days * DAY)
    for days in (15, 5):
        row = {
            "customerId": "c-1",
            "featureId": "calls",
            "resourceId": None,
            "timestamp": iso(end - days * DAY),
            "reset": True,
        }
        harness.world.stigg["usage"].append(row)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    harness.usage()
    assert lines(cycle(harness)) == [("18", 1800)]


@ends("reset_point_is_after", yes=[("18", 1800)], no=[])
def test_a_count_below_zero_is_never_billed_and_holds_its_draft(harness_of: Build, end: list[tuple[str, int]]) -> None:
    """1,000 calls and a reset lie before the start, 18 calls in the period. Where Stigg's value at a reset is the last one
    before it and reset_semantics says "after", they count to 18 - 1,000 = -982, of which 0.00 used to be billed.
    """
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.change(usage={"reset_semantics": "after"})
    use(harness, 1000, harness.world.now - 2 * DAY)
    row = {"customerId": "c-1", "featureId": "calls", "resourceId": None, "reset": True}
    harness.world.stigg["usage"].append(row | {"timestamp": iso(harness.world.now - DAY)})
    renewal = renewed(harness, 18)
    problems = harness.usage()["failed"]
    until(harness, renewal + 2 * HOUR)
    assert lines(cycle(harness)) == end
    assert cycle(harness)["status"] == ("open" if end else "draft")
    assert [" count to -982: " in sentence for sentence in problems] == ([] if end else [True])


def test_usage_waits_for_the_answers_and_is_forbidden_by_one_that_the_setting_contradicts(harness_of: Build) -> None:
    """18 calls of 1.00: the lines wait until ``reset_point_value`` is answered; "before" contradicts the setting."""
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.change(accept_unknown=sorted(set(BY_NAME) - {"reset_point_value"}))
    renewed(harness, 18)
    assert "before these are answered" in harness.usage()["waits"][0]
    manual_actions.answer(harness.engine, "test", "reset_point_value", answer="before", detail="", request_ids=[])
    assert 'Set usage.reset_semantics = "before"' in harness.usage()["waits"][0]
    assert lines(cycle(harness)) == []
    manual_actions.answer(harness.engine, "test", "reset_point_value", answer="after", detail="", request_ids=[])
    harness.usage()
    assert lines(cycle(harness)) == [("18", 1800)]


def test_a_tiny_price_is_written_without_an_exponent(harness_of: Build) -> None:
    """F14: a price of 0.0000001 minor units was sent as ``1E-7``."""
    harness = harness_of(world(flat(20), usage("calls", 0.000000001)))
    month_end(harness, 5_000_000_000)
    harness.usage()
    # 5,000,000,000 x 0.0000001 cents = 500 cents
    assert lines(cycle(harness)) == [("5000000000", 500)]


def test_a_price_that_changes_inside_the_period_bills_each_part_at_its_own(harness_of: Build) -> None:
    """Reference S41: 1,000 calls at 0.1 a hundred, then 500 at 0.15 a hundred."""
    made = world(flat(20), usage("calls", 0.1, blockSize=100))
    harness = harness_of(made)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    end = period_end(harness)
    half = end - 15 * DAY
    use(harness, 1000, half - HOUR)
    until(harness, half)
    made.now = half
    plan = made.plan(
        "pro", "Pro", [dict(made.stigg["plans"][0]["prices"][0]), usage("calls", 0.15, blockSize=100)], version=2
    )
    row = made.stigg["subscriptions"][0]
    row["plan"]["versionNumber"] = 2
    row["prices"] = [made.charge_of("s-1", price, {}) for price in plan["prices"]]
    harness.world.stigg.update({"plans": made.stigg["plans"], "subscriptions": made.stigg["subscriptions"]})
    harness.reconcile()
    harness.usage()
    use(harness, 500, half + HOUR)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    until(harness, end + MINUTE)
    harness.usage()
    assert sorted(lines(cycle(harness))) == [("10", 100), ("5", 75)]


def test_a_canceled_subscription_is_billed_its_last_use_before_it_ends_in_stripe(harness_of: Build) -> None:
    made = world(flat(20), usage("calls", 0.5))
    harness = harness_of(made)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    use(harness, 40, harness.world.now + HOUR)
    harness.later(2 * HOUR)
    ended = iso(harness.world.now)
    harness.stigg("subscriptions", subscriptionId="s-1").update(
        {"status": "CANCELED", "cancelReason": "Immediate", "cancellationDate": ended, "effectiveEndDate": ended}
    )
    harness.reconcile()
    assert subscription(harness)["status"] == "active", "final usage first"
    harness.usage()
    (final,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"]
    assert (final["status"], lines(final)) == ("draft", [("40", 2000)])
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    harness.later(2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("40", 2000)}


def test_what_ended_at_the_end_of_its_period_is_billed_on_an_invoice_of_its_own(harness_of: Build) -> None:
    made = world(flat(20), usage("calls", 0.5))
    harness = harness_of(made)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    end = period_end(harness)
    harness.stigg("subscriptions", subscriptionId="s-1").update(
        {"cancellationDate": iso(end), "effectiveEndDate": iso(end)}
    )
    harness.reconcile()
    use(harness, 40, end - 2 * MINUTE)
    until(harness, end + MINUTE)
    harness.stigg("subscriptions", subscriptionId="s-1").update(
        {"status": "CANCELED", "cancelReason": "ScheduledCancellation"}
    )
    harness.reconcile()
    harness.usage()
    (final,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"]
    assert lines(final) == [("40", 2000)]


def canceled_in_stripe(harness: Harness, reason: str) -> None:
    """Use something, and end the subscription in Stripe for a reason."""
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    use(harness, 40, harness.world.now + HOUR)
    harness.later(2 * HOUR)
    harness.stripe().v1.subscriptions.cancel(subscription(harness)["id"])
    subscription(harness)["cancellation_details"]["reason"] = reason
    harness.reconcile()


def test_one_that_somebody_cancels_in_stripe_is_billed_its_last_use(harness_of: Build) -> None:
    harness = harness_of(world(flat(20), usage("calls", 0.5)))
    canceled_in_stripe(harness, "cancellation_requested")
    harness.usage()
    (final,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"]
    assert (lines(final), final["auto_advance"]) == ([("40", 2000)], True)
    harness.later(2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("40", 2000)}


@pytest.mark.parametrize("reason", ["payment_failed", "payment_disputed"])
def test_one_that_ended_because_it_was_not_paid_leaves_its_use_to_a_person(harness_of: Build, reason: str) -> None:
    harness = harness_of(world(flat(20), usage("calls", 0.5)))
    canceled_in_stripe(harness, reason)
    found = harness.usage(alerts=True)
    assert "canceled in Stripe" in found["pages"][0]
    assert ledger(harness) == {"unbillable": ("40", 2000)}


@pytest.mark.parametrize("what", ["void", "credit note"])
def test_a_voided_invoice_or_a_credit_note_reverses_what_was_billed(harness_of: Build, what: str) -> None:
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.change(stripe={"feed": True})
    end = renewed(harness, 5)
    harness.usage()
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("5", 500)}
    invoice = cycle(harness)
    if what == "void":
        harness.stripe().v1.invoices.void_invoice(invoice["id"])
    else:
        line = next(li for li in invoice["lines"]["data"] if li["parent"]["type"] == "invoice_item_details")
        harness.stripe().v1.credit_notes.create(
            {
                "invoice": invoice["id"],
                "lines": [{"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": 500}],
            }
        )
    harness.reconcile()
    harness.usage()
    assert ledger(harness) == {"reversed": ("5", 500)}


def test_more_pairs_than_stigg_lets_be_read_are_held_and_none_goes_out_short(harness_of: Build) -> None:
    """Three pairs and one reading a run: in the order of deadlines, and the rest waits."""
    made = world(flat(20), usage("calls", 1))
    for number in (2, 3):
        made.customer(f"c-{number}", f"Customer {number}", f"c{number}@example.test")
        made.subscription(f"s-{number}", f"c-{number}", "pro")
    harness = harness_of(made)
    harness.reconcile()
    end = period_end(harness)
    until(harness, end - 3 * MINUTE)
    harness.reconcile()
    for number in (1, 2, 3):
        use(harness, 5, end - HOUR, customerId=f"c-{number}")
    until(harness, end + MINUTE)
    harness.change(usage={"reads_per_minute": 1, "interval_minutes": 1}, workers=1)
    found = harness.usage()
    assert (found["read"], found["unread"]) == (1, 2)
    assert len(found["held"]) == 2
    harness.change(usage={"reads_per_minute": 60_000})
    with harness.engine.begin() as connection:
        connection.execute(
            text("delete from stripe_sync.rate_budget")
        )  # the pace is by real time, and the next reading a minute away
    harness.later(HOUR)
    assert len(harness.usage()["released"]) == 2
    harness.later(LEAD)
    harness.usage()
    assert [lines(cycle(harness, f"s-{n}")) for n in (1, 2, 3)] == [[("5", 500)]] * 3
    assert ledger(harness) == {"billed": ("15", 1500)}


def test_a_downgrade_to_free_at_the_end_of_the_period_bills_its_last_use_and_ends(harness_of: Build) -> None:
    made = world(flat(20), usage("calls", 0.5))
    made.plan("free", "Free", [], pricing="FREE")
    harness = harness_of(made)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    end = period_end(harness)
    harness.stigg("subscriptions", subscriptionId="s-1").update(
        {"cancellationDate": iso(end), "effectiveEndDate": iso(end)}
    )
    harness.reconcile()
    use(harness, 40, end - HOUR)
    until(harness, end + MINUTE)
    harness.stigg("subscriptions", subscriptionId="s-1").update(
        {"status": "CANCELED", "cancelReason": "UpgradeOrDowngrade"}
    )
    made.now = harness.world.now
    free = made.subscription("s-free", "c-1", "free", hours_ago=0, method="NONE")
    harness.world.stigg["subscriptions"].append(free | {"startDate": iso(end)})
    harness.reconcile()
    harness.usage()
    harness.reconcile()
    assert subscription(harness)["status"] == "canceled"
    assert harness.status("s-free") == ("NO_SYNC_REQUIRED", "FREE")
    (final,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"]
    assert lines(final) == [("40", 2000)]
    assert not any(i["billing_reason"] == "subscription_cycle" for i in harness.objects("invoices")), "no second period"


@ends("zero_renewal_waits", yes=("draft", "subscription_cycle"), no=("paid", "manual"))
def test_a_plan_of_use_alone_is_billed_whether_or_not_a_renewal_of_nothing_waits(
    harness_of: Build, end: tuple[str, str]
) -> None:
    harness = harness_of(world(usage("calls", 1)))
    renewal = renewed(harness, 5)
    waited = cycle(harness)["status"]
    harness.usage()
    (bill,) = [i for i in harness.objects("invoices") if i["total"] == 500]
    assert (waited, bill["billing_reason"]) == end
    until(harness, renewal + 2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("5", 500)}
    assert sum(i["total"] for i in harness.objects("invoices")) == 500
