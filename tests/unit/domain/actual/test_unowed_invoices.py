"""Invoices that a cancellation leaves to be collected although they are not owed (BILLING 7, C3)."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from stripe_sync.domain.actual.endings import LEAD, Collected, to_give_back, unowed
from stripe_sync.domain.actual.unowed_invoices import (
    Renewal,
    SoldAfter,
    Sums,
    renews_soon,
    sold_after,
    still_collected,
    to_stop,
)

R = 1_800_000_000  # the last renewal
HOUR, DAY, MONTH = 3600, 86_400, 30 * 86_400
DRAFT = Collected("in_R", "draft", auto_advance=True, finalizes_at=R + HOUR, subscription="sub_1", begins=R)


@pytest.mark.parametrize(
    ("invoice", "is_owed", "stopped"),
    [
        (DRAFT, False, ["in_R"]),
        (DRAFT, True, []),
        (replace(DRAFT, auto_advance=False, finalizes_at=None), False, []),  # Stripe has stopped it
        (replace(DRAFT, status="open"), False, ["in_R"]),
        (replace(DRAFT, status="paid"), False, []),
        (replace(DRAFT, status="void"), False, []),
        (replace(DRAFT, status="uncollectible"), False, []),
    ],
)
def test_only_what_is_not_owed_and_still_collected_is_stopped(
    invoice: Collected, is_owed: bool, stopped: list[str]
) -> None:
    assert to_stop([invoice], not_owed=() if is_owed else ("in_R",)) == stopped


@pytest.mark.parametrize("seed", range(4))
def test_stopped_and_given_back_are_never_the_same_and_leave_no_unowed_one_collected(seed: int) -> None:
    """Whatever the cancellation has stopped, of drafts and of open invoices (C3)."""
    chance = random.Random(seed)
    for _ in range(300):
        end = R + chance.choice((-MONTH, -DAY, 0, 60, 61, DAY))
        before = [
            Collected(
                f"in_{n}", chance.choice(("draft", "open", "paid")), auto_advance=chance.random() < 0.8,
                finalizes_at=begins + HOUR, subscription=chance.choice(("sub_1", "sub_1", "sub_2")), begins=begins,
            )
            for n, begins in enumerate((R - MONTH, R, R + MONTH))
        ]  # fmt: skip
        stops = {"draft": chance.random() < 0.5, "open": chance.random() < 0.5, "paid": False}
        there = {i.id: replace(i, auto_advance=False) if stops[i.status] else i for i in before}
        not_owed = unowed(before, "sub_1", end)
        stopped = set(to_stop(there.values(), not_owed=not_owed))
        given = {one.invoice for one in to_give_back(before, there, not_owed=not_owed, now=R + MONTH)}
        assert not stopped & given
        after = {
            i.id: replace(i, auto_advance=(i.auto_advance or i.id in given) and i.id not in stopped)
            for i in there.values()
        }
        for was in before:
            if was.status == "paid":
                continue
            assert after[was.id].auto_advance is (was.auto_advance and was.id not in not_owed)
        assert to_stop(after.values(), not_owed=not_owed) == [], "a run that repeats it stops nothing more"


@pytest.mark.parametrize(
    ("renewal", "is_soon"), [(R + LEAD, True), (R + LEAD + 1, False), (R - DAY, True), (None, False)]
)
def test_a_renewal_may_come_between_the_note_and_the_cancellation(renewal: int | None, is_soon: bool) -> None:
    assert renews_soon(renewal, R) is is_soon


@pytest.mark.parametrize(
    ("invoice", "sentence"),
    [
        (DRAFT, "Stripe finalizes and collects it at 2027-01-15 09:00 UTC: switch auto_advance of in_R off by hand."),
        (
            replace(DRAFT, status="open", finalizes_at=None),
            "Stripe collects it: switch auto_advance of in_R off by hand.",
        ),
        (replace(DRAFT, auto_advance=False), ""),
        (replace(DRAFT, status="paid"), ""),
    ],
)
def test_an_invoice_that_goes_on_has_a_sentence_with_its_time(invoice: Collected, sentence: str) -> None:
    assert still_collected(invoice) == sentence


@pytest.mark.parametrize(
    ("status", "owed", "sold", "not_owed", "found"),
    [
        ("draft", 0, 2000, {"in_R"}, (SoldAfter("in_R", "usd", 2000),)),
        ("draft", 333, 2000, {"in_R"}, (SoldAfter("in_R", "usd", 2000),)),
        ("paid", 0, 2000, {"in_R"}, (SoldAfter("in_R", "usd", 2000),)),
        ("draft", 0, 2000, set(), ()),
        ("draft", 333, 0, {"in_R"}, ()),
        ("draft", 0, 0, {"in_R"}, (SoldAfter("in_R", "usd", 0),)),
    ],
)
def test_the_amount_of_a_renewal_after_the_end_is_the_time_after_it_alone(
    status: str, owed: int, sold: int, not_owed: set[str], found: tuple[SoldAfter, ...]
) -> None:
    """20.00 for the new month, beside 3.33 for use before the end; an invoice that is owed in full has no such amount."""
    renewal = Renewal(replace(DRAFT, status=status, currency="usd"), Sums(owed, sold, movable=0, persons=()))
    assert sold_after([renewal], not_owed=not_owed) == found
