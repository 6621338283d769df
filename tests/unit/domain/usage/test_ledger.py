"""The ledger's transitions and movements: each permitted transition, each refused one, and sums that stay."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from stripe_sync.domain.usage import ledger
from stripe_sync.domain.usage.ledger import PERMITTED, Balance, Drain, Movement, TransitionRefused, UsageState

S = UsageState
REFUSED = sorted(set(product(S, S)) - PERMITTED.keys())
ALL = Balance(Decimal(120), Decimal(1100))


def movement(source: UsageState, target: UsageState, balance: Balance = ALL) -> Movement:
    return Movement(window=7, source=source, target=target, balance=balance)


@pytest.mark.parametrize(("source", "target"), PERMITTED, ids=[f"{s.name}-{t.name}" for s, t in PERMITTED])
def test_a_permitted_movement_takes_its_balance_along(source: UsageState, target: UsageState) -> None:
    before = {} if source is S.REPORTED else {source: ALL}
    after = ledger.book(before, movement(source, target))
    assert after[target] == ALL
    assert after.get(source, Balance()) == Balance()
    assert before == ({} if source is S.REPORTED else {source: ALL}), "the given balances stay"


@pytest.mark.parametrize(("source", "target"), REFUSED, ids=[f"{s.name}-{t.name}" for s, t in REFUSED])
def test_another_movement_is_refused_in_one_sentence(source: UsageState, target: UsageState) -> None:
    with pytest.raises(TransitionRefused) as refused:
        ledger.book({source: ALL}, movement(source, target))
    sentence = str(refused.value)
    assert sentence.startswith("Usage window 7: a quantity may not go from '") and sentence.endswith(".")
    assert f"'{source or 'reported'}' to '{target or 'reported'}'" in sentence


def test_there_are_24_permitted_transitions_and_76_refused_ones() -> None:
    assert (len(PERMITTED), len(REFUSED)) == (24, 76)
    assert all(reason.endswith(".") for reason in PERMITTED.values())


def test_nothing_leaves_what_a_person_decided_or_others_billed() -> None:
    assert not [source for source, _ in PERMITTED if source in (S.WAIVED, S.BILLED_EXTERNALLY)]


@pytest.mark.parametrize(
    ("balances", "sources", "target", "taken"),
    [
        ({S.PENDING: ALL}, ledger.OPEN, S.VERIFIED, [(S.PENDING, 120)]),
        ({S.PENDING: ALL, S.SUBMITTED: ALL}, ledger.OPEN, S.VERIFIED, [(S.PENDING, 120), (S.SUBMITTED, 120)]),
        ({S.PENDING: Balance(), S.SUBMITTED: ALL}, ledger.OPEN, S.VERIFIED, [(S.SUBMITTED, 120)]),
        ({S.PENDING: Balance(), S.SUBMITTED: Balance()}, ledger.OPEN, S.VERIFIED, [(S.SUBMITTED, 0)]),
        ({S.PENDING: Balance()}, ledger.BILLABLE, S.BILLED, [(S.PENDING, 0)]),
        ({S.PENDING: Balance(Decimal(0), Decimal(5))}, ledger.OPEN, S.BILLED, [(S.PENDING, 0)]),
        ({S.BILLED: ALL}, ledger.BILLABLE, S.BILLED, []),
        ({S.BILLED: ALL, S.VERIFIED: ALL}, (S.BILLED, S.VERIFIED), S.BILLED, [(S.VERIFIED, 120)]),
        ({}, ledger.BILLABLE, S.BILLED, []),
    ],
    ids=["one", "two", "empty-first", "all-empty", "zero-window", "amount-alone", "elsewhere", "target-among", "none"],
)
def test_a_drain_takes_what_lies_there_and_at_least_one_movement(
    balances: dict[UsageState, Balance],
    sources: tuple[UsageState, ...],
    target: UsageState,
    taken: list[tuple[UsageState, int]],
) -> None:
    found = Drain(window=7, sources=sources, target=target, invoice="in_1").movements(balances)
    assert [(m.source, m.balance.quantity) for m in found] == taken
    assert all((m.window, m.target, m.invoice) == (7, target, "in_1") for m in found)


def test_a_total_is_the_sum_of_the_chosen_states_or_of_all() -> None:
    balances = {S.PENDING: ALL, S.VERIFIED: Balance(Decimal("0.5"), Decimal(3)), S.ROUNDED: Balance(amount=Decimal(-1))}
    assert ledger.total(balances) == Balance(Decimal("120.5"), Decimal(1102))
    assert ledger.total(balances, ledger.OPEN) == ALL
    assert ledger.total({}) == Balance()
