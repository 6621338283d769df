"""Readings as tables: the windows that are read, their order, and the movement that a quantity makes. A call is 10 cents."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal as D
from typing import get_args

import pytest

from stripe_sync.core.errors import UnknownShape
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.decide.reading import (
    UsageReading,
    checked_history,
    decide_reading,
    failures,
    is_start_unknown,
    windows_to_read,
)
from stripe_sync.domain.usage.ledger import Balance, UsageState
from stripe_sync.domain.usage.quantities import Point
from stripe_sync.domain.usage.terms import Aggregation, Terms
from stripe_sync.domain.usage.windows import Window
from tests.unit.domain.usage.values import DAY, END, HOUR, NOW, START, TERMS, invoice, window

S = UsageState
SOON = timedelta(minutes=20)
DRAFT = invoice()  # finalized at 01:00, 50 minutes from now
NEAR = invoice(finalizes_at=NOW + SOON)
STOPPED, FINAL = invoice(finalizes_at=None), invoice(status="open")
EARLY = NOW - HOUR

CHOSEN: dict[str, tuple[Window, list[Invoice], bool]] = {
    "never read": (window(S.REPORTED), [], True),
    "never read, final": (window(S.REPORTED), [FINAL], True),
    "never read, on a draft": (window(S.REPORTED), [DRAFT], True),
    "read, no draft": (window(), [], False),
    "read, on a draft": (window(), [DRAFT], True),
    "read, on a stopped draft": (window(), [STOPPED], True),
    "read, final": (window(), [FINAL], False),
    "submitted, on a draft": (window(S.SUBMITTED), [DRAFT], True),
    "submitted, no draft": (window(S.SUBMITTED), [], False),
    "proven, on a draft": (window(S.VERIFIED), [DRAFT], False),
    "proven, near": (window(S.VERIFIED, read_at=EARLY), [NEAR], True),
    "proven, near and read since": (window(S.VERIFIED, read_at=NOW), [NEAR], False),
    "proven, a second before near": (window(S.VERIFIED, read_at=EARLY), [invoice(finalizes_at=NOW + SOON + timedelta(seconds=1))], False),
    "proven, stopped": (window(S.VERIFIED, read_at=EARLY), [STOPPED], False),
    "proven, final": (window(S.VERIFIED, read_at=EARLY), [FINAL], False),
    "proven, overdue": (window(S.VERIFIED, read_at=EARLY), [invoice(finalizes_at=NOW - timedelta(minutes=1))], True),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "seen", "is_read"), CHOSEN.values(), ids=CHOSEN)
def test_a_window_is_read(usage: Window, seen: list[Invoice], is_read: bool) -> None:
    chosen = windows_to_read([usage], seen, blocked=(), now=NOW, soon=SOON)
    assert [w.id for w in chosen] == ([7] if is_read else [])


@pytest.mark.parametrize("usage", [usage for usage, _, _ in CHOSEN.values()])
def test_nothing_is_read_of_a_subscription_that_cannot_be_counted(usage: Window) -> None:
    assert windows_to_read([usage], [DRAFT, NEAR], blocked={"sub_1"}, now=NOW, soon=SOON) == []


def test_the_order_is_of_deadlines_then_of_ends_then_of_rows() -> None:
    first = window(id=9, subscription="sub_3")
    urgent = invoice("in_3", subscription="sub_3", finalizes_at=NOW + timedelta(minutes=1))
    same, older = window(id=8), window(id=11, charge="rows", end=START + DAY, quantity="1")
    endless = window(S.REPORTED, id=1, subscription="sub_4")
    chosen = windows_to_read([endless, same, window(), older, first], [DRAFT, urgent], blocked=(), now=NOW, soon=SOON)
    assert [w.id for w in chosen] == [9, 11, 7, 8, 1]


TIERS = [{"up_to": "100", "unit_amount": "10"}, {"up_to": "inf", "unit_amount": "5"}]
TIERED = Terms(
    content={"currency": "usd", "interval": "month", "billing_scheme": "tiered", "tiers_mode": "graduated", "tiers": TIERS},
    label="Calls", product="prod_1",
)  # fmt: skip

ADDED: dict[str, tuple[Window, str, Balance | None]] = {
    "the first": (window(S.REPORTED), "120", Balance(D(120), D(1200))),
    "the first of nothing": (window(S.REPORTED), "0", Balance(D(0), D(0))),
    "the same": (window(), "120", None),
    "the same, verified": (window(S.VERIFIED), "120", None),
    "the same, written otherwise": (window(), "120.0", None),
    "more": (window(), "150", Balance(D(30), D(300))),
    "less": (window(), "100", Balance(D(-20), D(-200))),
    "nothing any more": (window(), "0", Balance(D(-120), D(-1200))),
    "more, billed": (window(S.BILLED), "121", Balance(D(1), D(10))),
    "a part of a unit": (window(), "120.25", Balance(D("0.25"), D(3))),  # 1202.5 cents are 1203, half up
    "in the next tier": (window(terms=TIERED), "130", Balance(D(10), D(50))),  # 100 x 10 + 30 x 5 = 1150, after 1100
    "into the next tier": (window(terms=TIERED, quantity="90"), "110", Balance(D(20), D(150))),  # 900, then 1000 + 50
    "the first, tiers": (window(S.REPORTED, terms=TIERED), "120", Balance(D(120), D(1100))),
}


@pytest.mark.parametrize(("usage", "quantity", "added"), ADDED.values(), ids=ADDED)
def test_a_reading_adds_the_difference_and_its_cost(usage: Window, quantity: str, added: Balance | None) -> None:
    movements = decide_reading(usage, D(quantity))
    assert [m.balance for m in movements] == ([added] if added is not None else [])
    assert all((m.window, m.source, m.target) == (7, S.REPORTED, S.PENDING) for m in movements)


SMALL, NEXT_SMALL = D("0.00000000000000004"), D("0.00000000000000009")
REST: dict[str, tuple[Window, str, list[tuple[UsageState, Balance]]]] = {
    "the first": (window(S.REPORTED), "0.30000000000000004",
                  [(S.ROUNDED, Balance(SMALL)), (S.PENDING, Balance(D("0.3"), D(3)))]),
    "the same": (window(quantity="0.3", balances={S.ROUNDED: Balance(SMALL)}), "0.30000000000000004", []),
    "another rest": (window(S.VERIFIED, quantity="0.3", balances={S.ROUNDED: Balance(SMALL)}), "0.30000000000000009",
                     [(S.ROUNDED, Balance(NEXT_SMALL - SMALL))]),
    "no rest": (window(quantity="0.3", balances={S.ROUNDED: Balance(SMALL)}), "0.4",
                [(S.ROUNDED, Balance(-SMALL)), (S.PENDING, Balance(D("0.1"), D(1)))]),
}  # fmt: skip


@pytest.mark.parametrize(("usage", "quantity", "movements"), REST.values(), ids=REST)
def test_what_is_left_of_a_quantity_is_rounded_and_costs_nothing(
    usage: Window, quantity: str, movements: list[tuple[UsageState, Balance]]
) -> None:
    assert [(m.target, m.balance) for m in decide_reading(usage, D(quantity))] == movements


def test_a_correction_stays_with_the_invoice_of_its_window() -> None:
    (movement,) = decide_reading(window(S.VERIFIED, invoice="in_1"), D(121))
    assert movement.invoice == "in_1"


@pytest.mark.parametrize(
    "quantities", [("1", "2", "1.5"), ("0", "100", "100", "7"), ("99", "101", "0"), ("0.1", "0.15", "0.2")]
)
@pytest.mark.parametrize("terms", [TERMS, TIERED], ids=["per-unit", "tiers"])
def test_the_movements_of_readings_sum_up_to_the_last_one(terms: Terms, quantities: tuple[str, ...]) -> None:
    usage, total = window(S.REPORTED, terms=terms), Balance()
    for quantity in quantities:
        total = sum((m.balance for m in decide_reading(usage, D(quantity))), total)
        usage = replace(usage, quantity=D(quantity), state=S.PENDING)
    assert total == Balance(D(quantities[-1]), D(terms.amount(D(quantities[-1]))))


def point(at: datetime, *, reset: bool = False) -> Point:
    return Point(at, D(1), reset)


BEFORE, AT, INSIDE = point(START - DAY), point(START), point(START + DAY)
RESET, LATE_RESET = point(START, reset=True), point(START + DAY, reset=True)
SHOWN: dict[
    str, tuple[list[Point], set[str]]
] = {  # the points that are read first, and the aggregations that need more
    "nothing": ([], {"last", "max", "average"}),  # a level holds until its next point
    "before": ([BEFORE], set()),
    "before and inside": ([BEFORE, INSIDE], set()),
    "at the start": ([AT], {"sum"}),
    "inside": ([INSIDE, point(END - DAY)], {"sum", "max", "average"}),
    "a reset at the start": ([RESET], set()),
    "a reset at the start, first": ([RESET, INSIDE], set()),
    "a reset inside": ([LATE_RESET], {"max", "average"}),  # the level until then
}


@pytest.mark.parametrize("aggregation", get_args(Aggregation))
@pytest.mark.parametrize(("points", "need"), SHOWN.values(), ids=SHOWN)
def test_the_value_at_the_start_is_looked_for_where_it_counts_and_is_not_shown(
    points: list[Point], need: set[str], aggregation: Aggregation
) -> None:
    assert is_start_unknown(points, START, aggregation, reset_is_after=True) is (aggregation in need)


def test_a_reset_that_shows_the_last_value_before_it_needs_the_value_at_the_start() -> None:
    """500 used a year ago and a reset to 0 now are 0 of this window, and 500 without the value at the start."""
    assert is_start_unknown([RESET], START, "sum", reset_is_after=False)


@pytest.mark.parametrize(
    ("points", "was_used_before", "is_known"),
    [([], False, True), ([], True, False), ([AT], True, False), ([AT], False, True), ([BEFORE, AT], True, True)],
    ids=["never used", "used before", "used before and inside", "first used inside", "shown"],
)
def test_a_value_that_stigg_does_not_show_any_more_is_unknown(
    points: list[Point], was_used_before: bool, is_known: bool
) -> None:
    if is_known:
        assert checked_history(points, window(), was_used_before=was_used_before) == points
        return
    with pytest.raises(UnknownShape, match="USAGE_UNKNOWN: Stigg shows no value of calls of s-1 before 2026-11-01"):
        checked_history(points, window(), was_used_before=was_used_before)


def test_a_window_that_could_not_be_read_is_a_sentence() -> None:
    readings = [UsageReading(window(), D(1)), UsageReading(window(), detail="Stigg does not answer.")]
    assert failures(readings) == ["s-1: Stigg does not answer."]
