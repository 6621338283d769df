"""Own invoices as tables: windows that no renewal bills, drafts that are switched on, and what is left to a person."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import Any

import pytest

from stripe_sync.core.clock import epoch
from stripe_sync.domain.actual.stigg_end import End
from stripe_sync.domain.usage import drafts, ledger
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide import final_invoices as decide
from stripe_sync.domain.usage.ledger import UsageState
from stripe_sync.domain.usage.line_proof import lines_for
from stripe_sync.domain.usage.windows import TermsRevision, Window
from tests.unit.domain.usage.values import (
    CALLS,
    DAY,
    END,
    HOUR,
    NOW,
    OWNER,
    SIGNER,
    START,
    full,
    invoice,
    own_line,
    terms_revision,
    window,
)

S = UsageState
HALF = START + 14 * DAY
OWN = {"stiggSyncKey": SIGNER.marker(drafts.final_key("t", "sub_1", END))}
FINALIZED_AT_ONCE = {"status": "paid", "total": 0, "status_transitions": {"finalized_at": epoch(END) + 1}}
OURS = own_line(lines_for(OWNER, invoice(), [window()])[0])


def closed(at: datetime = HALF, why: str = "stigg") -> list[TermsRevision]:
    return [terms_revision(), terms_revision(at, None, why=why)]


ALONE: dict[str, tuple[dict[int, Invoice], list[TermsRevision], bool]] = {
    "ended in Stigg": ({}, closed(), True),
    "ended in Stripe": ({}, closed(why="stripe"), False),
    "active": ({}, [terms_revision()], False),
    "active again": ({}, [*closed(), terms_revision(END)], False),
    "ended, with an invoice": ({7: invoice()}, closed(), False),
}


@pytest.mark.parametrize(("assigned", "revisions", "is_alone"), ALONE.values(), ids=ALONE)
def test_a_window_without_an_invoice_of_a_charge_that_stigg_ended(
    assigned: dict[int, Invoice], revisions: list[TermsRevision], is_alone: bool
) -> None:
    assert decide.ended_in_stigg([window()], assigned, {CALLS: revisions}) == ([window()] if is_alone else [])


GROUPS: dict[str, tuple[Invoice | None, bool, set[str], list[datetime]]] = {  # (invoice, is ended, ending, ends of groups)
    "a renewal": (invoice(), False, set(), []),
    "a renewal finalized at once": (invoice(**FINALIZED_AT_ONCE), False, set(), [END]),
    "with a line of ours": (invoice("in_1", OURS, **FINALIZED_AT_ONCE), False, set(), []),
    "of an amount": (invoice(**FINALIZED_AT_ONCE | {"total": 1}), False, set(), []),
    "finalized after a minute": (invoice(**FINALIZED_AT_ONCE | {"status_transitions": {"finalized_at": epoch(END) + 60}}), False, set(), []),
    "ended, and ends in Stripe": (None, True, {"sub_1"}, [HALF]),
    "ended, and goes on in Stripe": (None, True, set(), []),
    "another subscription ends": (None, True, {"sub_2"}, []),
}  # fmt: skip


@pytest.mark.parametrize(("seen", "is_ended", "ending", "bounds"), GROUPS.values(), ids=GROUPS)
def test_windows_that_no_renewal_bills_are_grouped_by_their_own_invoice(
    seen: Invoice | None, is_ended: bool, ending: set[str], bounds: list[datetime]
) -> None:
    usage = window()
    groups = decide.without_invoice(
        [usage],
        {7: seen} if seen is not None else {},
        ended=[usage] if is_ended else [],
        revisions={CALLS: closed()},
        ending=ending,
        signer=SIGNER,
    )
    assert groups == {("sub_1", bound): [usage] for bound in bounds}


def test_charges_that_ended_at_several_moments_have_one_invoice_at_the_last() -> None:
    first, second = window(), window(id=8, charge="rows")
    revisions = {CALLS: closed(HALF), ("sub_1", "rows"): closed(END - DAY), ("sub_1", "x"): closed(END, why="stripe"),
                 ("sub_2", "calls"): closed(END)}  # fmt: skip
    groups = decide.without_invoice(
        [first, second], {}, ended=[first, second], revisions=revisions, ending={"sub_1"}, signer=SIGNER
    )
    assert groups == {("sub_1", END - DAY): [first, second]}


@pytest.mark.parametrize(
    ("state", "quantity", "costs"),
    [(S.PENDING, "120", True), (S.SUBMITTED, "1", True), (S.PENDING, "0", False), (S.VERIFIED, "120", False),
     (S.REPORTED, "120", False), (S.WAIVED, "120", False)],
)  # fmt: skip
def test_an_invoice_is_made_for_an_amount_alone(state: UsageState, quantity: str, costs: bool) -> None:
    usage = window(state, quantity)
    assert decide.costs_something([usage]) is costs
    assert decide.free_of_charge({("sub_1", END): [usage]}) == ([] if costs else [usage])


def test_one_window_with_an_amount_keeps_its_group_together() -> None:
    group = {("sub_1", END): [window(quantity="0"), window(id=8)]}
    assert decide.free_of_charge(group) == []


@pytest.mark.parametrize(
    ("end", "says"),
    [(None, ""), (End(epoch(END)), ""), (End(epoch(END), (epoch(END), epoch(NOW))), "2026-12-01 00:00 UTC"),
     (End(epoch(END), (None, epoch(NOW))), "2026-12-01 00:10 UTC")],
    ids=["none", "known", "between-two-readings", "never-seen-paid"],
)  # fmt: skip
def test_an_end_between_two_readings_is_left_to_a_person(end: End | None, says: str) -> None:
    found = decide.unknown_end(end)
    assert says in found and bool(found) == bool(says)


@pytest.mark.parametrize("state", [S.PENDING, S.SUBMITTED, S.VERIFIED])
def test_what_is_left_to_a_person_is_given_up_with_its_amount(state: UsageState) -> None:
    usage = window(state)
    decision = decide.leave_to_person([usage], "Its coupon is gone.")
    assert [m.target for d in decision.drains for m in d.movements(usage.balances)] == [S.UNBILLABLE]
    assert decision.alerts == (
        "120 of calls of s-1 (12.00 USD, row 7) are not billed: Its coupon is gone. Make an invoice for it by hand, or waive it.",
    )


def own(*, status: str = "draft", **more: Any) -> Invoice:
    return invoice("in_f", status=status, **{"metadata": OWN, "auto_advance": False} | more)


ON_IT = window(S.VERIFIED, invoice="in_f")
SWITCHED: dict[str, tuple[Invoice, list[Window], bool]] = {
    "proven": (own(), [ON_IT], True),
    "two proven": (own(), [ON_IT, window(S.VERIFIED, id=8, invoice="in_f")], True),
    "one is not": (own(), [ON_IT, window(id=8, invoice="in_f")], False),
    "submitted": (own(), [window(S.SUBMITTED, invoice="in_f")], False),
    "proven elsewhere": (own(), [window(S.VERIFIED, invoice="in_1")], False),
    "no window": (own(), [], False),
    "switched on": (own(auto_advance=True), [ON_IT], False),
    "final": (own(status="open"), [ON_IT], False),
    "not ours": (own(metadata={}), [ON_IT], False),
}


@pytest.mark.parametrize(("draft", "windows", "is_on"), SWITCHED.values(), ids=SWITCHED)
def test_an_own_draft_is_switched_on_once_every_window_is_proven(
    draft: Invoice, windows: list[Window], is_on: bool
) -> None:
    assigned = {w.id: draft for w in windows}
    found = decide.proven_drafts(windows, [draft], assigned=assigned, signer=SIGNER)
    assert found == ([(draft, windows)] if is_on else [])


@pytest.mark.parametrize(
    ("total", "balance", "currency", "is_small", "debt"),
    [
        (1200, 0, "usd", False, None),
        (50, 0, "usd", False, None),
        (49, 0, "usd", True, None),
        (0, 0, "usd", False, None),
        (1200, -1200, "usd", False, None),
        (1200, -1170, "usd", False, "0.30 USD"),
        (30, 30, "usd", False, None),
        (49, 100, "usd", False, None),
    ],
)
def test_the_least_that_stripe_charges_counts_after_the_balance(
    total: int, balance: int, currency: str, is_small: bool, debt: str | None
) -> None:
    seen = own(total=total, currency=currency)
    assert bool(decide.too_small(seen, balance)) is is_small
    alerts = decide.debt_alerts(seen, balance)
    if not is_small:
        assert [debt in alert for alert in alerts] == ([True] if debt else [])


@pytest.mark.parametrize(
    ("now", "lead", "at"),
    [(NOW, timedelta(minutes=5), END + HOUR), (END + HOUR, timedelta(minutes=5), END + HOUR + timedelta(minutes=5)),
     (NOW, timedelta(minutes=65), NOW + timedelta(minutes=65))],
)  # fmt: skip
def test_it_is_finalized_an_hour_after_it_was_made_or_later(now: datetime, lead: timedelta, at: datetime) -> None:
    assert decide.switch_on_at(own(), now=now, lead=lead) == epoch(at)


def test_the_sum_of_what_is_left_to_a_person_is_the_ledgers() -> None:
    usage = window(S.VERIFIED, "130", balances={S.VERIFIED: full("120"), S.PENDING: full("10")})
    (drain,) = decide.leave_to_person([usage], "It is paused.").drains
    assert (
        sum(m.balance.amount for m in drain.movements(usage.balances)) == ledger.total(usage.balances).amount == D(1300)
    )
