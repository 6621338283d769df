"""Proof of billed usage: lines that Stripe rounds otherwise, minimum spend, drafts that are taken away (BILLING 3, 8, 9)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, usage
from sandbox.world.state import iso
from tests.scenarios.test_month_end_endings import end_in_stigg, finals
from tests.scenarios.test_usage_rules import MINIMUM, renewed, world
from tests.support.harness import Harness
from tests.support.metering import DAY, HOUR, MINUTE, audited, cycle, ledger, lines, until, use
from tests.support.switches import ends

Build = Callable[[WorldBuilder], Harness]


@ends("item_ties_up", yes=501, no=500)
def test_a_tie_that_stripe_rounds_otherwise_is_proven_and_written_once(harness_of: Build, end: int) -> None:
    """SB 5.1, SB 5.2: 1001 calls at 0.005 are 500.5 cents; half up 501, half even 500, and Stripe does not say which."""
    harness = harness_of(world(flat(20), usage("calls", 0.005)))
    renewal = renewed(harness, 1001)
    assert harness.usage()["proven"] == 1
    written = harness.writes()
    for minutes in (11, 21, 45, 55):
        until(harness, renewal + minutes * MINUTE)
        given = harness.usage()
        assert (given["held"], given["pages"], given["lines"]) == ([], [], {})
    assert harness.writes() == written, "the line is not written a second time"
    assert lines(cycle(harness)) == [("1001", end)]
    until(harness, renewal + HOUR + MINUTE)
    harness.usage()
    kept = {"rounded": ("0", 501 - end)} if end != 501 else {}
    assert ledger(harness) == {"billed": ("1001", end)} | kept, "at Stripe's amount; the difference is kept"
    session = harness.session()
    (row,) = audited(session, "2026-12")
    session.close()
    assert (row["invoiced"], row["rounding"], row["difference"]) == (2000 + end, end - 501, 0)


def test_a_minimum_spend_is_drawn_from_by_several_features_in_shares_of_the_excess(harness_of: Build) -> None:
    """BILLING 3: minimum 100.00; 70.01 of calls and 70.02 of rows are 140.03, so 40.03 too much.

    calls: 4003 * 7001 // 14003 = 2001; the rest, 2002, on rows, the last feature by reference.
    """
    made = world(MINIMUM, usage("calls", 0.01), usage("rows", 0.01))
    made.feature("rows", "Rows", meterType="Incremental")
    harness = harness_of(made)
    renewed(harness, 7001)
    use(harness, 7002, harness.world.now - HOUR, featureId="rows")
    harness.usage()
    assert lines(cycle(harness)) == [("7001", 0), ("1", 2001), ("7002", 0), ("1", 2002)]
    assert cycle(harness)["total"] == 10000 + 4003
    writes = harness.writes()
    until(harness, harness.world.now + 45 * MINUTE)
    harness.usage()
    assert harness.writes() == writes


def test_a_percentage_coupon_takes_its_part_of_a_minimum_spend_once(harness_of: Build) -> None:
    """E7: minimum 100, 100 used, 20 %: 100.00 in advance less 20.00 is 80.00; covered use is billed at price 0."""
    made = world(MINIMUM, usage("calls", 1))
    made.coupon("twenty", percent=20)
    made.stigg["subscriptions"][0]["coupons"] = [made.applied("twenty")]
    harness = harness_of(made)
    end = renewed(harness, 100)
    harness.usage()
    assert cycle(harness)["total"] == 8000
    use(harness, 30, end - MINUTE)
    until(harness, end + 45 * MINUTE)
    harness.usage()
    assert lines(cycle(harness)) == [("130", 0), ("1", 3000)]
    assert cycle(harness)["total"] == 8000 + 2400, "the excess, 30.00, less 20 %"
    until(harness, end + HOUR + MINUTE)
    harness.usage()
    assert set(ledger(harness)) == {"billed"}


@ends("item_moves_finalization", yes="draft", no="open")
def test_an_item_that_moves_its_drafts_finalization_gives_time_and_changes_no_amount(
    harness_of: Build, end: str
) -> None:
    """SB 3.10: the line is put on the draft half an hour after the renewal; final after one hour, or half an hour later."""
    harness = harness_of(world(flat(20), usage("calls", 1)))
    renewal = renewed(harness, 5)
    until(harness, renewal + 30 * MINUTE)
    assert harness.usage()["proven"] == 1
    until(harness, renewal + HOUR + MINUTE)
    assert cycle(harness)["status"] == end
    assert harness.usage()["pages"] == []
    until(harness, renewal + 2 * HOUR)
    harness.usage()
    assert (ledger(harness), lines(cycle(harness))) == ({"billed": ("5", 500)}, [("5", 500)])


@pytest.mark.parametrize(("credited", "above"), [(0, 3000), (4000, 7000), (10000, 13000)])
def test_a_minimum_spend_covers_what_was_charged_for_the_period_and_not_what_was_credited(
    harness_of: Build, credited: int, above: int
) -> None:
    """BILLING 3: 130.00 used; 100.00 were charged in advance, less what a credit note took back."""
    harness = harness_of(world(MINIMUM, usage("calls", 1)))
    harness.reconcile()
    (first,) = harness.objects("invoices")
    (line,) = [li for li in first["lines"]["data"] if li["amount"] == 10000]
    harness.later(2 * HOUR)  # it is sent, and final after an hour
    if credited:
        harness.stripe().v1.credit_notes.create({
            "invoice": first["id"],
            "lines": [{"type": "invoice_line_item", "invoice_line_item": line["id"], "amount": credited}],
        })  # fmt: skip
    end = renewed(harness, 130)
    harness.usage()
    assert lines(cycle(harness)) == [("130", 0), ("1", above)]
    until(harness, end + HOUR + MINUTE)
    harness.usage()
    assert set(ledger(harness)) == {"billed"}
    assert cycle(harness)["total"] == 10000 + above


def test_an_ended_subscription_gets_its_minimum_spend_once_whenever_its_charges_ended(harness_of: Build) -> None:
    """BILLING 3, 7: minimum 100.00; 80.00 of calls until they left the plan, 90.00 of rows until the end ten days later.

    170.00 less 100.00 are 70.00. calls: 7000 * 8000 // 17000 = 3294; the rest, 3706, on rows.
    """
    made = world(MINIMUM, usage("calls", 1), usage("rows", 1))
    made.feature("rows", "Rows", meterType="Incremental")
    harness = harness_of(made)
    harness.reconcile()
    harness.reconcile()
    harness.usage()
    use(harness, 80, harness.world.now + HOUR)
    harness.later(9 * DAY)
    row = harness.stigg("subscriptions", subscriptionId="s-1")
    row["prices"] = [p | {"updatedAt": iso(harness.world.now)} for p in row["prices"] if p["featureId"] != "calls"]
    harness.reconcile()
    harness.usage()
    use(harness, 90, harness.world.now + HOUR, featureId="rows")
    harness.later(10 * DAY)
    end_in_stigg(harness, harness.world.now)
    harness.later(10 * MINUTE)
    harness.reconcile()
    harness.usage()
    (final,) = finals(harness)
    assert lines(final) == [("80", 0), ("1", 3294), ("90", 0), ("1", 3706)]
    assert (final["total"], final["auto_advance"]) == (7000, True)
    harness.later(2 * HOUR)
    harness.usage()
    assert (len(finals(harness)), set(ledger(harness))) == (1, {"billed"})


def ended_with_a_final_draft(harness: Harness) -> str:
    """Has a subscription end in its first hours with 40 used at 0.50, and gives the id of its final usage invoice, a draft."""
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
    harness.usage()
    (final,) = [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"]
    assert (final["status"], lines(final)) == ("draft", [("40", 2000)])
    return str(final["id"])


def delete_draft(harness: Harness, id: str) -> None:
    """Does what the Dashboard's button does to a one-off draft: its items go with it (SB 3.7)."""
    del harness.world.stripe["invoices"][id]
    for item in [i for i in harness.objects("invoiceitems") if i["invoice"] == id]:
        del harness.world.stripe["invoiceitems"][item["id"]]


@pytest.mark.parametrize("minutes", [30, 45, 90])
def test_a_final_draft_that_a_person_deletes_is_told_once_with_its_amount_and_not_made_again(
    harness_of: Build, minutes: int
) -> None:
    """R8, E5: 40 at 0.50 are 20.00; reported once, listed, and no run fails."""
    harness = harness_of(world(flat(20), usage("calls", 0.5)))
    id = ended_with_a_final_draft(harness)
    delete_draft(harness, id)
    harness.later(minutes * MINUTE)
    if minutes == 30:
        assert harness.usage()["pages"] == [], "a proven window is read again within the last two intervals"
        harness.later(15 * MINUTE)
    message = harness.usage(alerts=True)["pages"]
    assert message[0].startswith("40 of calls of s-1 (20.00 USD, row 1) are not billed: the draft ")
    assert ledger(harness) == {"unbillable": ("40", 2000)}
    for _ in range(2):
        harness.later(10 * MINUTE)
        assert harness.usage()["pages"] == []
        harness.reconcile()
    assert [i for i in harness.objects("invoices") if i["billing_reason"] == "manual"] == [], "not made again"


def test_a_credit_note_of_more_than_ten_lines_takes_back_each_of_them(harness_of: Build) -> None:
    """SB 10.3: lists inside objects end after ten rows. Thirteen lines credited; the usage's is the twelfth."""
    harness = harness_of(world(flat(20), usage("calls", 1)))
    harness.change(stripe={"feed": True})
    end = renewed(harness, 5)
    harness.usage()
    draft = cycle(harness)
    for number in range(12):
        harness.stripe().v1.invoice_items.create(
            {"customer": draft["customer"], "invoice": draft["id"], "amount": 100 + number, "currency": "usd"}
        )
    until(harness, end + 2 * HOUR)
    harness.usage()
    assert ledger(harness) == {"billed": ("5", 500)}
    items = [li for li in cycle(harness)["lines"]["data"] if li["parent"]["type"] == "invoice_item_details"]
    ordered = [*items[1:12], items[0], *items[12:]]
    harness.stripe().v1.credit_notes.create({
        "invoice": draft["id"],
        "lines": [{"type": "invoice_line_item", "invoice_line_item": li["id"], "amount": li["amount"]} for li in ordered],
    })  # fmt: skip
    harness.reconcile()
    harness.usage()
    assert ledger(harness) == {"reversed": ("5", 500)}
