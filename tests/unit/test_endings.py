"""Ends in order of time (BILLING 7): a row each, and each boundary second."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.desired.endings import (
    LEAD,
    MARGIN,
    Collected,
    Ending,
    GiveBack,
    begins_of,
    decide,
    end_in_period,
    is_sold_after,
    split,
    to_give_back,
    unowed,
)

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
    found = split(lines, R, {"il_use"})
    assert (found.owed, found.sold, found.movable) == (333 + 70 - 500, 2000, 333)
    assert found.persons == ("il_meter", "il_credit")


def test_where_the_period_of_a_renewal_begins() -> None:
    lines = [line("a", 1, R, R + MONTH), line("b", 1, R - MONTH, R), line("c", 1, R + DAY, R + MONTH, proration=True)]
    body = {"billing_reason": "subscription_cycle", "created": R + 2, "lines": {"data": lines}}
    assert begins_of(body) == R
    assert begins_of(body | {"lines": {"data": lines[1:2]}}) == R + 2, "what a meter counted alone"
    assert begins_of(body | {"lines": {"data": lines[2:]}}) is None, "the last invoice of a cancellation (FACTS_A 32)"
    assert begins_of(body | {"billing_reason": "subscription_update"}) is None


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
