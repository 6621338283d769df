"""Ends in order of time (BILLING 7): a row each, and each boundary second."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from stripe_sync.domain.actual.endings import (
    LEAD,
    MARGIN,
    MINUTE,
    Collected,
    Ending,
    GiveBack,
    collected,
    decide,
    end_in_period,
    is_sold_after,
    to_give_back,
    unowed,
)
from stripe_sync.domain.actual.unowed_invoices import Sums, is_settled_after_end, renewed_after_end, split
from tests.support.invoices import shown_invoice, shown_line

R = 1_800_000_000  # the last renewal
HOUR, DAY, MONTH = 3600, 86_400, 30 * 86_400
DRAFT = Collected("in_R", "draft", auto_advance=True, finalizes_at=R + HOUR, subscription="sub_1", begins=R)


def ending(end: int, now: int, invoice: Collected | None = DRAFT, **more: Any) -> Ending:
    found = (invoice,) if invoice is not None else ()
    return Ending(**{"end": end, "renewed": R, "next_renewal": R + MONTH, "now": now, "invoices": found} | more)


def invoice(status: str, **more: Any) -> Collected:
    return Collected(**{"id": "in_R", "status": status, "auto_advance": True, "begins": R} | more)


@pytest.mark.parametrize(
    ("end", "now", "kind", "sold_after"),
    [
        (R + 1, R, "later", False),
        (R, R, "cancel", True),
        (R - 1, R + 60, "cancel", True),
        (R - 10 * DAY, R + 60, "cancel", True),
        (R + 59, R + 600, "cancel", True),
        (R + 60, R + 600, "cancel", True),
        (R + 61, R + 600, "wait_invoice", False),
        (R + 599, R + 600, "wait_invoice", False),
        (R + 600, R + 600, "wait_invoice", False),
        (R + 601, R + 600, "later", False),
        (R + 61, R + MONTH - LEAD - 1, "wait_invoice", False),
        (R + 61, R + MONTH - LEAD, "cancel", False),
        (R - 40 * DAY, R + 25 * DAY, "cancel", True),
    ],
)
def test_the_order_of_end_renewal_and_now(end: int, now: int, kind: str, sold_after: bool) -> None:
    found = decide(ending(end, now))
    assert (found.kind, found.sold_after) == (kind, sold_after)


@pytest.mark.parametrize(
    ("last", "kind"),
    [
        (invoice("draft"), "wait_invoice"),
        (invoice("draft", auto_advance=False), "cancel"),
        (invoice("draft", auto_advance=False, is_ours=True), "wait_invoice"),
        (invoice("open"), "wait_invoice"),
        (invoice("open", attempted=True), "cancel"),
        (invoice("open", method="send_invoice"), "cancel"),
        (invoice("open", auto_advance=False), "cancel"),
        (invoice("paid", auto_advance=False), "cancel"),
        (invoice("paid"), "cancel"),
        (invoice("void"), "cancel"),
        (invoice("uncollectible"), "cancel"),
        (None, "cancel"),
    ],
)
def test_an_end_after_the_renewal_waits_for_its_invoice(last: Collected | None, kind: str) -> None:
    assert decide(ending(R + DAY, R + 2 * DAY, last)).kind == kind


@pytest.mark.parametrize(
    ("last", "now", "kind"),
    [
        (invoice("paid"), R + 2 * DAY, "wait_proof"),
        (invoice("draft"), R + 2 * DAY, "wait_invoice"),
        (invoice("draft", auto_advance=False), R + 2 * DAY, "cancel"),
        (invoice("paid"), R + MONTH - LEAD, "cancel"),
        (invoice("paid"), R + MONTH - LEAD - 1, "wait_proof"),
    ],
)
def test_unproven_usage_waits_except_where_the_next_renewal_comes_first(last: Collected, now: int, kind: str) -> None:
    assert decide(ending(R + DAY, now, last, unproven=True)).kind == kind


def test_an_end_at_the_renewal_does_not_wait_for_proof() -> None:
    assert decide(ending(R, R + 600, unproven=True)).kind == "cancel"


def test_before_the_first_renewal_the_first_invoice_is_owed_however_early_the_end() -> None:
    first = Collected("in_1", "draft", auto_advance=True, method="send_invoice")
    assert decide(ending(R + 10, R + 600, first, renewed=None)).kind == "wait_invoice"
    assert decide(ending(R + 10, R + 600, None, renewed=None)).kind == "cancel"


@pytest.mark.parametrize(("begins", "sold"), [(R - 61, False), (R - 60, True), (R, True), (R + 1, True)])
def test_a_period_is_sold_after_the_end_from_a_minute_before_it_on(begins: int, sold: bool) -> None:
    assert is_sold_after(begins, R) is sold


def test_collection_is_given_back_to_what_had_it_and_is_owed_alone() -> None:
    before = [
        Collected("in_draft", "draft", auto_advance=True, finalizes_at=R + 10 * HOUR),
        Collected("in_stopped", "draft", auto_advance=False),
        Collected("in_open", "open", auto_advance=True),
        Collected("in_unowed", "draft", auto_advance=True, finalizes_at=R + HOUR),
        Collected("in_paid", "open", auto_advance=True),
        Collected("in_past", "draft", auto_advance=True, finalizes_at=R + MARGIN - 1),
        Collected("in_gone", "draft", auto_advance=True, finalizes_at=R + HOUR),
        Collected("in_kept", "draft", auto_advance=True, finalizes_at=R + HOUR),
    ]
    after = {
        "in_draft": Collected("in_draft", "draft", auto_advance=False),
        "in_stopped": Collected("in_stopped", "draft", auto_advance=False),
        "in_open": Collected("in_open", "open", auto_advance=False),
        "in_unowed": Collected("in_unowed", "draft", auto_advance=False),
        "in_paid": Collected("in_paid", "paid", auto_advance=False),
        "in_past": Collected("in_past", "draft", auto_advance=False),
        "in_kept": Collected("in_kept", "draft", auto_advance=True, finalizes_at=R + HOUR),
    }
    given = to_give_back(before, after, not_owed={"in_unowed"}, now=R)
    assert given == [
        GiveBack("in_draft", R + 10 * HOUR),
        GiveBack("in_open", None),
        GiveBack("in_past", R + MARGIN),
    ]


def test_only_renewals_of_the_ended_subscription_are_not_owed() -> None:
    found = [
        DRAFT,
        Collected("in_other", "draft", auto_advance=True, subscription="sub_2", begins=R),
        Collected("in_before", "open", auto_advance=True, subscription="sub_1", begins=R - MONTH),
        Collected("in_update", "draft", auto_advance=True, subscription="sub_1", begins=None),
    ]
    assert unowed(found, "sub_1", R - 5) == {"in_R"}
    assert unowed(found, "sub_1", R + 61) == frozenset()
    assert unowed(found, "sub_1", None) == frozenset()


def line(id: str, amount: int, start: int, end: int, *, proration: bool = False, item: bool = True) -> dict[str, Any]:
    details = {"subscription_item_details": {"proration": proration}} if item else {}
    return {"id": id, "amount": amount, "period": {"start": start, "end": end}, "parent": details}


def test_both_sums_of_a_renewal_after_the_end() -> None:
    lines = [
        line("il_flat", 2000, R, R + MONTH),
        line("il_use", 333, R - MONTH, R, item=False),
        line("il_meter", 70, R - MONTH, R),
        line("il_credit", -500, R - DAY, R, proration=True),
        line("il_zero", 0, R - MONTH, R),
    ]
    found = split(map(shown_line, lines), R, {"il_use"})
    assert (found.owed, found.sold, found.movable) == (333 + 70 - 500, 2000, 333)
    assert found.persons == ("il_meter", "il_credit")


@pytest.mark.parametrize(("end", "sold"), [(R - 60, 2000), (R, 2000), (R + 60, 2000), (R + 61, 0)])
def test_the_sums_have_the_minute_that_the_decision_has(end: int, sold: int) -> None:
    assert split([shown_line(line("il_flat", 2000, R, R + MONTH))], end, ()).sold == sold


def test_both_sums_are_after_discounts_and_with_tax() -> None:
    """10.00 less 5.00, and 19 % of it on top; a tax that the price includes adds nothing."""
    sold = line("il_flat", 1000, R, R + MONTH) | {
        "discount_amounts": [{"amount": 300, "discount": "di_1"}, {"amount": 200, "discount": "di_2"}],
        "taxes": [{"amount": 95, "tax_behavior": "exclusive"}],
    }
    use = line("il_use", 333, R - MONTH, R, item=False) | {
        "discount_amounts": [{"amount": 167, "discount": "di_1"}],
        "taxes": [{"amount": 27, "tax_behavior": "inclusive"}],
    }
    found = split([shown_line(sold), shown_line(use)], R, {"il_use"})
    assert (found.owed, found.sold, found.movable) == (166, 595, 166)


@pytest.mark.parametrize(
    ("status", "before", "after", "settled"),
    [
        ("draft", 0, 0, False), ("void", 0, 0, True), ("paid", 0, 1999, False), ("paid", 0, 2000, True),
        ("open", 2000, 0, True), ("paid", 500, 1500, True), ("uncollectible", 0, 0, False),
    ],
)  # fmt: skip
def test_a_renewal_after_the_end_is_settled_when_what_it_sold_is_credited(
    status: str, before: int, after: int, settled: bool
) -> None:
    body = {
        "status": status, "total": 2333, "pre_payment_credit_notes_amount": before,
        "post_payment_credit_notes_amount": after,
    }  # fmt: skip
    assert is_settled_after_end(shown_invoice(body), Sums(owed=333, sold=2000, movable=333, persons=())) is settled


@pytest.mark.parametrize(
    ("status", "owed", "ways"),
    [
        ("draft", 333, ["use go on the final invoice", "then void it", "credit the whole of it"]),
        ("open", 333, ["Credit 20.00 USD of it by a credit note. Then collect the rest of it."]),
        ("open", 0, ["Credit 20.00 USD of it by a credit note."]),
        ("paid", 333, ["Credit 20.00 USD of it by a credit note."]),
    ],
)
def test_the_way_out_of_a_renewal_after_the_end(status: str, owed: int, ways: list[str]) -> None:
    message = renewed_after_end("in_R", status, "usd", Sums(owed=owed, sold=2000, movable=owed, persons=()))
    assert all(way in message for way in ways)
    assert message.endswith(ways[-1]) or status == "draft"


@pytest.mark.parametrize(
    ("status", "movable", "is_whole"),
    [("draft", 0, True), ("draft", 333, False), ("open", 333, True), ("open", 0, True)],
)
def test_a_renewal_after_the_end_that_sold_nothing_is_owed_whole(status: str, movable: int, is_whole: bool) -> None:
    """Our lines go from a draft on the final invoice, and stay on what is final; those of a meter stay where they are."""
    sums = Sums(owed=333, sold=0, movable=movable, persons=() if movable else ("il_meter",))
    assert sums.is_owed_whole(status) is is_whole
    assert not Sums(owed=333, sold=2000, movable=movable, persons=()).is_owed_whole(status)
    says = renewed_after_end("in_R", status, "usd", sums)
    assert ("collect it by hand" in says) is is_whole
    body = {"status": status, "auto_advance": False}
    assert is_settled_after_end(shown_invoice(body), sums) is False
    settled = {"status": "paid", "auto_advance": False}, {"status": "open", "auto_advance": True}
    assert all(is_settled_after_end(shown_invoice(row), sums) for row in settled)


@pytest.mark.parametrize(("end", "is_owed"), [(R + 61, True), (R + 60, False), (R - DAY, False)])
def test_an_invoice_of_meter_lines_alone_is_owed_by_its_renewal(end: int, is_owed: bool) -> None:
    """It was made 50 seconds after the renewal: an end in the second minute lies after R, and is no end at R."""
    body = {
        "id": "in_R", "status": "draft", "auto_advance": True, "billing_reason": "subscription_cycle", "created": R + 50,
        "period_end": R, "parent": {"subscription_details": {"subscription": "sub_1"}}, "currency": "usd",
        "lines": {"data": [line("il_meter", 333, R - MONTH, R)]},
    }  # fmt: skip
    found = collected(shown_invoice(body))
    assert found.begins == R
    assert (unowed([found], "sub_1", end) == frozenset()) is is_owed
    stopped = collected(shown_invoice(body | {"auto_advance": False}))
    assert ending(R + DAY, R + 2 * DAY, stopped, unproven=True).is_stopped(), (
        "a person stopped it: nothing is waited for"
    )


@pytest.mark.parametrize(
    ("end", "ends", "expected"),
    [
        (R + DAY, [R + MONTH], R + DAY),
        (R + MONTH, [R + MONTH], R + MONTH),
        (R + MONTH - 60, [R + MONTH], R + MONTH),
        (R + MONTH + 60, [R + MONTH], R + MONTH),
        (R + MONTH - 61, [R + MONTH], R + MONTH - 61),
        (R + MONTH + 61, [R + MONTH], None),
        (R + 2 * MONTH, [R + MONTH, R + 12 * MONTH], None),
        (R + DAY, [R + MONTH, R + 12 * MONTH], R + DAY),
        (R + DAY, [], None),
    ],
)
def test_an_end_to_come_is_written_once_it_lies_in_every_running_period(
    end: int, ends: list[int], expected: int | None
) -> None:
    assert end_in_period(end, ends) == expected


TIMES = (-33 * DAY, -DAY, -2 * HOUR, -61, -60, -59, -1, 0, 1, 59, 60, 61, 300, 2 * HOUR, DAY, 29 * DAY)
LATE = (0, 1, 300, 2 * HOUR, DAY, 31 * DAY)


def generated(seed: int) -> Ending:
    """An end near, on or far from the renewal, seen soon or late, with invoices in any state."""
    rng = random.Random(seed)
    end = R + rng.choice(TIMES)
    now = max(end, R) + rng.choice(LATE) + rng.choice((0, rng.randint(0, DAY)))
    renewals = [R, *([R - MONTH] if rng.random() < 0.5 else [])]
    invoices = tuple(
        Collected(
            f"in_{begins}", rng.choice(("draft", "open", "paid", "void", "uncollectible")),
            auto_advance=rng.random() < 0.7, finalizes_at=begins + HOUR, attempted=rng.random() < 0.5,
            method=rng.choice(("charge_automatically", "send_invoice")), subscription="sub_1", begins=begins,
        )
        for begins in renewals
    )  # fmt: skip
    next_renewal = R + MONTH if now < R + MONTH else now + rng.randint(1, MONTH)
    return Ending(
        end=end, renewed=R, next_renewal=next_renewal, now=now, invoices=invoices, unproven=rng.random() < 0.3
    )


@pytest.mark.parametrize("seed", range(0, 2000, 100))
def test_no_invoice_of_a_period_after_the_end_is_ever_given_back(seed: int) -> None:
    """Whatever a cancellation stopped, however late it comes: what is given back was collected before, and begins before E."""
    for number in range(seed, seed + 100):
        e = generated(number)
        stopped = {i.id: replace(i, auto_advance=False) for i in e.invoices}
        kept = unowed(e.invoices, "sub_1", e.end)
        given = to_give_back(e.invoices, stopped, not_owed=kept, now=e.now)
        by_id = {i.id: i for i in e.invoices}
        for one in given:
            was = by_id[one.invoice]
            assert was.auto_advance and was.status in ("draft", "open")
            assert was.begins is not None and was.begins + MINUTE < e.end
            assert one.moment is None or one.moment > e.now
        owed = {i.id for i in e.invoices if i.begins is not None and not is_sold_after(i.begins, e.end)}
        open_ones = {i.id for i in e.invoices if i.auto_advance and i.status in ("draft", "open")}
        assert {one.invoice for one in given} == owed & open_ones, "and all of these are"


@pytest.mark.parametrize("seed", range(0, 2000, 100))
def test_giving_back_twice_gives_nothing_more(seed: int) -> None:
    """A run that was killed between the cancel and giving back is finished by the next, from what the intent noted."""
    for number in range(seed, seed + 100):
        e = generated(number)
        there = {i.id: replace(i, auto_advance=False) for i in e.invoices}
        kept = unowed(e.invoices, "sub_1", e.end)
        first = to_give_back(e.invoices, there, not_owed=kept, now=e.now)
        for one in first[: number % 3]:  # killed after some of them
            was = there[one.invoice]
            there[one.invoice] = replace(was, auto_advance=True, finalizes_at=one.moment or was.finalizes_at)
        rest = to_give_back(e.invoices, there, not_owed=kept, now=e.now + DAY)
        assert [one.invoice for one in rest] == [one.invoice for one in first[number % 3 :]]


@pytest.mark.parametrize("seed", range(0, 2000, 100))
def test_the_order_of_time_decides_whenever_it_is_seen(seed: int) -> None:
    for number in range(seed, seed + 100):
        e = generated(number)
        found = decide(e)
        if e.end > e.now:
            assert found.kind == "later"
            continue
        assert found.sold_after == is_sold_after(R, e.end), "a late run judges as one in time"
        if found.sold_after:
            assert found.kind == "cancel", "at once, whatever is not proven or not collected"
        elif e.next_renewal - e.now <= LEAD:
            assert found.kind == "cancel", "before the next renewal sells another period"
        elif not all(i.is_settled() for i in e.invoices):
            assert found.kind == "wait_invoice", "a cancellation would stop it"
        elif e.unproven and not e.is_stopped():
            assert found.kind == "wait_proof"
        else:
            assert found.kind == "cancel"


@pytest.mark.parametrize("seed", range(5))
def test_the_sums_of_a_renewal_after_the_end_are_the_whole_invoice(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(200):
        end = R + rng.choice(TIMES)
        lines = [
            line(f"il_{n}", rng.randint(-500, 5000), R + rng.choice(TIMES), R + MONTH, item=rng.random() < 0.5)
            for n in range(rng.randint(0, 12))
        ]
        own = {part["id"] for part in lines if rng.random() < 0.5}
        sums = split(map(shown_line, lines), end, own)
        assert sums.owed + sums.sold == sum(part["amount"] for part in lines)
        before = {
            part["id"]: part["amount"]
            for part in lines
            if part["amount"] and not is_sold_after(part["period"]["start"], end)
        }
        assert sums.movable == sum(a for id, a in before.items() if id in own and a > 0)
        assert set(sums.persons) == {id for id, a in before.items() if not (id in own and a > 0)}


@pytest.mark.parametrize("seed", range(5))
def test_an_end_to_come_is_never_told_for_a_later_period(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(500):
        ends = [R + rng.choice((MONTH, 12 * MONTH, rng.randint(1, 2 * MONTH))) for _ in range(rng.randint(1, 3))]
        end = rng.choice(ends) + rng.choice((*TIMES, rng.randint(-MONTH, MONTH)))
        message = end_in_period(end, ends)
        if message is None:
            assert end > min(ends)
            continue
        assert message <= min(ends) and abs(message - end) <= MINUTE
        assert message == end or message in ends
        assert all(message == bound or abs(message - bound) > MINUTE or message in ends for bound in ends)
