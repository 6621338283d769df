"""Settlement as tables: windows of invoices that are drafts no more. 120 calls at 10 cents are 12.00 USD."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D
from functools import reduce
from typing import Any

import pytest
from msgspec import structs

from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import settlement
from stripe_sync.domain.usage.decide.settlement import Decision
from stripe_sync.domain.usage.ledger import Balance, Movement, UsageState
from stripe_sync.domain.usage.line_proof import lines_for
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import (
    CALLS,
    END,
    METER,
    OWNER,
    TERMS,
    full,
    invoice,
    metered_line,
    own_line,
    terms_revision,
    window,
)

S = UsageState
FINAL = ("open", "paid", "uncollectible")
FINALIZED_AT_ONCE = {"status_transitions": {"finalized_at": int(END.timestamp()) + 1}, "total": 0}
LATE = window(S.PENDING, "130", invoice="in_1", balances={S.VERIFIED: full("120"), S.PENDING: full("10")})


def lines(quantity: str = "120", **more: Any) -> list[dict[str, Any]]:
    """Return the lines of November's window on the invoice in_1, as Stripe shows them."""
    return [own_line(line, **more) for line in lines_for(OWNER, invoice(), [window(quantity=quantity)])]


def settle(usage: Window, seen: Invoice) -> Decision:
    return settlement.settle([usage], {usage.id: seen}, {seen.invoice: [usage]}, owner=OWNER)


def booked(usage: Window, decision: Decision) -> list[tuple[UsageState, UsageState, D]]:
    found: list[Movement] = [m for drain in decision.drains for m in drain.movements(usage.balances)]
    assert ledger.total(reduce(ledger.book, found, dict(usage.balances))) == ledger.total(usage.balances)
    return [(m.source, m.target, m.balance.amount) for m in found]


@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.VERIFIED])
def test_what_a_finalized_invoice_has_is_billed(status: str, state: UsageState) -> None:
    usage = window(state, invoice="in_1")
    decision = settle(usage, invoice("in_1", *lines(), status=status))
    assert (booked(usage, decision), decision.alerts) == ([(state, S.BILLED, D(1200))], ())


@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.VERIFIED])
def test_what_it_does_not_have_is_not_billed_and_raises_an_alert(status: str, state: UsageState) -> None:
    usage = window(state, invoice="in_1")
    decision = settle(usage, invoice(status=status))
    assert booked(usage, decision) == [(state, S.UNBILLABLE, D(1200))]
    assert decision.alerts == (
        "120 of calls of s-1 (12.00 USD, row 7) are not billed: in_1 was finalized without it. Put it on the next invoice by "
        "hand, or waive it.",
    )


@pytest.mark.parametrize("status", FINAL)
def test_usage_after_the_proof_is_the_part_that_is_not_billed(status: str) -> None:
    decision = settle(LATE, invoice("in_1", *lines("120"), status=status))
    assert booked(LATE, decision) == [(S.VERIFIED, S.BILLED, D(1200)), (S.PENDING, S.UNBILLABLE, D(100))]
    assert [alert.partition(",")[0] for alert in decision.alerts] == ["10 of calls of s-1 (1.00 USD"]


@pytest.mark.parametrize("change", [{"amount": 1198}, {"quantity_decimal": "119"}, {"metadata": {}}, {"currency": "eur"},
                                    {"pricing": {"unit_amount_decimal": "11"}}], ids=str)  # fmt: skip
def test_a_line_that_was_changed_bills_nothing(change: dict[str, Any]) -> None:
    usage = window(S.VERIFIED, invoice="in_1")
    decision = settle(usage, invoice("in_1", *lines(**change), status="paid"))
    assert booked(usage, decision) == [(S.VERIFIED, S.UNBILLABLE, D(1200))]


@pytest.mark.parametrize("amount", [1199, 1200, 1201])
def test_a_line_may_be_rounded_by_one_cent(amount: int) -> None:
    usage = window(S.VERIFIED, invoice="in_1")
    seen = invoice("in_1", *lines(amount=amount), status="paid")
    assert booked(usage, settle(usage, seen)) == [(S.VERIFIED, S.BILLED, D(1200))]
    billed = window(S.BILLED, invoice="in_1")
    movements = settlement.book_rounding(billed, seen, [billed], owner=OWNER)
    assert [m.balance for m in movements] == ([Balance(amount=D(amount - 1200))] if amount != 1200 else [])


@pytest.mark.parametrize("booked", [-1, 1])
def test_rounding_is_booked_once(booked: int) -> None:
    billed = window(S.BILLED, invoice="in_1", balances={S.BILLED: full("120"), S.ROUNDED: Balance(amount=D(-booked))})
    seen = invoice("in_1", *lines(amount=1200 + booked), status="paid")
    assert settlement.book_rounding(billed, seen, [billed], owner=OWNER) == []


@pytest.mark.parametrize("state", [state for state in S if state is not S.BILLED])
def test_no_rounding_is_booked_of_what_is_not_billed(state: UsageState) -> None:
    seen = invoice("in_1", *lines(amount=1201), status="paid")
    assert settlement.book_rounding(window(state), seen, [], owner=OWNER) == []


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.VERIFIED, S.BILLED])
def test_a_voided_invoice_reverses_its_windows(state: UsageState) -> None:
    usage = window(state, invoice="in_1")
    decision = settle(usage, invoice("in_1", *lines(), status="void"))
    assert (booked(usage, decision), decision.alerts) == ([(state, S.REVERSED, D(1200))], ())


def test_a_window_is_reversed_once() -> None:
    assert settle(window(S.REVERSED), invoice(status="void")) == settlement.NOTHING


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.VERIFIED])
@pytest.mark.parametrize("quantity", ["120", "0"])
def test_a_draft_that_a_person_deleted_leaves_its_windows_to_a_person(state: UsageState, quantity: str) -> None:
    usage = window(state, quantity)
    decision = settle(usage, invoice(status="deleted"))
    assert booked(usage, decision) == [(state, S.UNBILLABLE, D(quantity) * 10)]
    assert len(decision.alerts) == (quantity != "0")
    assert all("the draft in_1 was deleted in Stripe" in alert for alert in decision.alerts)


CREDITS: dict[str, tuple[int | None, bool]] = {
    "none": (None, False),
    "a part": (1199, False),
    "all": (1200, True),
    "more": (1300, True),
}


@pytest.mark.parametrize(("credited", "is_reversed"), CREDITS.values(), ids=CREDITS)
@pytest.mark.parametrize("status", FINAL)
def test_what_credit_notes_took_back_is_reversed(status: str, credited: int | None, is_reversed: bool) -> None:
    shown = lines()
    credits = {"credited": {shown[0]["id"]: credited}} if credited is not None else {}
    usage = window(S.BILLED, invoice="in_1")
    decision = settle(usage, invoice("in_1", *shown, status=status, **credits))
    assert booked(usage, decision) == ([(S.BILLED, S.REVERSED, D(1200))] if is_reversed else [])


def test_a_credit_of_another_line_takes_back_no_usage() -> None:
    usage = window(S.BILLED, invoice="in_1")
    assert settle(usage, invoice("in_1", *lines(), status="paid", credited={"il_plan": 2000})) == settlement.NOTHING


@pytest.mark.parametrize("state", [S.WAIVED, S.REVERSED, S.UNBILLABLE, S.BILLED_EXTERNALLY])
@pytest.mark.parametrize("status", ["deleted", "void", *FINAL])
def test_windows_that_are_final_keep_their_quantity(status: str, state: UsageState) -> None:
    usage = window(state)
    found = booked(usage, settle(usage, invoice("in_1", *lines(), status=status)))
    assert [move for move in found if move[0] is not state] == []
    assert found == []


@pytest.mark.parametrize(
    ("state", "given", "is_left"),
    [(S.PENDING, [], True), (S.SUBMITTED, [], True), (S.VERIFIED, [], False), (S.PENDING, lines("1"), False)],
    ids=["pending", "submitted", "verified", "lines-of-ours"],
)
def test_usage_of_a_renewal_finalized_at_once_goes_on_an_own_invoice(
    state: UsageState, given: list[dict[str, Any]], is_left: bool
) -> None:
    decision = settle(window(state), invoice("in_1", *given, status="paid", **FINALIZED_AT_ONCE))
    assert (decision == settlement.NOTHING) is is_left


METERED = structs.replace(TERMS, meter=METER)
BY_METER: dict[str, tuple[dict[str, Any], UsageState, list[str]]] = {
    "exactly": (metered_line("120", 1200), S.BILLED, []),
    "more": (metered_line("121", 1210), S.BILLED, ["in_1 bills 12.10 USD by a meter, and 12.00 USD was used. Credit the difference."]),
    "less": (metered_line("100", 1000), S.UNBILLABLE, ["in_1 bills 10.00 USD by a meter, and 12.00 USD was used. Put the rest"]),
    "nothing": (metered_line("0", 0), S.UNBILLABLE, ["in_1 bills 0.00 USD by a meter, and 12.00 USD was used. Put the rest"]),
}  # fmt: skip


@pytest.mark.parametrize(("line", "target", "says"), BY_METER.values(), ids=BY_METER)
@pytest.mark.parametrize("status", FINAL)
@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.VERIFIED])
def test_what_a_meter_bills_on_a_finalized_invoice(
    state: UsageState, status: str, line: dict[str, Any], target: UsageState, says: list[str]
) -> None:
    usage = window(state, terms=METERED)
    decision = settle(usage, invoice("in_1", line, status=status))
    assert booked(usage, decision) == [(state, target, D(1200))]
    assert len(decision.alerts) == len(says)
    assert all(part in alert for part, alert in zip(says, decision.alerts, strict=True))


def test_the_rounding_of_a_meter_is_booked() -> None:
    billed = window(S.BILLED, terms=METERED, invoice="in_1")
    seen = invoice("in_1", metered_line("120", 1201), status="paid")
    usage = window(S.VERIFIED, terms=METERED)
    assert booked(usage, settle(usage, seen)) == [(S.VERIFIED, S.BILLED, D(1200))]
    assert [m.balance.amount for m in settlement.book_rounding(billed, seen, [billed], owner=OWNER)] == [D(1)]
    other = invoice("in_1", metered_line("121", 1210), status="paid")
    assert settlement.book_rounding(billed, other, [billed], owner=OWNER) == [], "a larger difference is no rounding"


def test_a_meter_on_a_renewal_finalized_at_once_leaves_the_window_open() -> None:
    seen = invoice("in_1", metered_line("0", 0), status="paid", **FINALIZED_AT_ONCE)
    assert settle(window(terms=METERED), seen) == settlement.NOTHING


@pytest.mark.parametrize("status", ["draft", "unknown"])
def test_no_other_status_moves_anything(status: str) -> None:
    assert settle(window(), invoice("in_1", *lines(), status=status)) == settlement.NOTHING


@pytest.mark.parametrize(
    ("state", "has_invoice", "terms", "why", "is_given_up"),
    [
        (S.PENDING, False, None, "stripe", True),
        (S.SUBMITTED, False, None, "stripe", True),
        (S.VERIFIED, False, None, "stripe", False),
        (S.BILLED, False, None, "stripe", False),
        (S.REPORTED, False, None, "stripe", False),
        (S.PENDING, True, None, "stripe", False),
        (S.PENDING, False, None, "stigg", False),
        (S.PENDING, False, TERMS, "", False),
    ],
    ids=["pending", "submitted", "verified", "billed", "unread", "has-an-invoice", "ended-in-stigg", "open"],
)
def test_usage_of_a_subscription_that_others_ended_is_given_up(
    state: UsageState, has_invoice: bool, terms: Any, why: str, is_given_up: bool
) -> None:
    usage = window(state)
    revisions = {CALLS: [terms_revision(), terms_revision(END, terms, why=why)]}
    decision = settlement.abandon([usage], {7: invoice()} if has_invoice else {}, revisions)
    assert booked(usage, decision) == ([(state, S.UNBILLABLE, D(1200))] if is_given_up else [])
    assert len(decision.alerts) == is_given_up


def test_giving_up_what_costs_nothing_raises_no_alert() -> None:
    usage = window(quantity="0")
    decision = settlement.abandon([usage], {}, {CALLS: [terms_revision(terms=None, why="stripe")]})
    assert (booked(usage, decision), decision.alerts) == ([(S.PENDING, S.UNBILLABLE, D(0))], ())


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED])
def test_what_costs_nothing_is_waived(state: UsageState) -> None:
    usage = window(state, "0")
    decision = settlement.waive_free([usage])
    assert (booked(usage, decision), decision.alerts) == ([(state, S.WAIVED, D(0))], ())


def test_the_windows_of_one_invoice_are_settled_together() -> None:
    """Under a minimum of 10.00 both windows share the excess: 12.00 + 6.00 - 10.00 = 8.00, of which 12/18 and the rest."""
    terms = structs.replace(TERMS, minimum="1000")
    first, second = window(terms=terms), window(terms=terms, id=8, charge="rows", quantity="60")
    shown = [own_line(line) for line in lines_for(OWNER, invoice(), [first, second])]
    assert sorted(line["amount"] for line in shown) == [0, 0, 267, 533]
    seen = invoice("in_1", *shown, status="paid")
    both = settlement.settle([first, second], {7: seen, 8: seen}, {}, owner=OWNER)
    assert [drain.target for drain in both.drains] == [S.BILLED, S.BILLED]
    alone = settlement.settle([first], {7: seen}, {}, owner=OWNER)
    assert [drain.target for drain in alone.drains] == [S.UNBILLABLE], "its lines are those of a group of two"
    named = settlement.settle([first], {7: seen}, {"in_1": [replace(second, state=S.BILLED)]}, owner=OWNER)
    assert [drain.target for drain in named.drains] == [S.BILLED]


def test_only_invoices_that_are_drafts_no_more_settle() -> None:
    seen = {1: invoice(), 2: invoice("in_2", status="open"), 3: invoice("in_3", status="deleted")}
    assert sorted(settlement.finalized(seen)) == [2, 3]


def test_only_billed_windows_of_an_invoice_are_looked_at_again() -> None:
    assert [w.id for w in settlement.billed([[window(S.BILLED), window(S.WAIVED, id=8)], []])] == [7]
