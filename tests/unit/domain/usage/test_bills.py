"""Lines that bill usage, their proofs and their division: by hand (BILLING 3, 6 and 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal as D
from typing import Any

import pytest

from stripe_sync.domain.actual.invoice_bridge import bridge
from stripe_sync.domain.actual.renewals import is_renewal
from stripe_sync.domain.usage.bills import Bill, excess_shares, expected_lines
from stripe_sync.domain.usage.holds import grace
from stripe_sync.domain.usage.minimum_spend import covered, is_minimum
from stripe_sync.domain.usage.proof import UsageLine, proves, rounding
from stripe_sync.domain.usage.surplus import divided, why_not
from stripe_sync.domain.usage.terms import Terms
from tests.support.invoices import shown_invoice

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)


def line(key: str = "usageline:t:sub:calls:1:1", *, currency: str = "usd", amount: int = 501) -> UsageLine:
    return UsageLine(key, D(1001), D("0.5"), amount, 1, 2, currency)


@pytest.mark.parametrize(
    ("currency", "difference", "same"),
    [("usd", 0, True), ("usd", -1, True), ("usd", 1, True), ("usd", 2, False), ("jpy", 1, True), ("jpy", -2, False),
     ("isk", 100, True), ("isk", 101, False), ("kwd", 10, True), ("kwd", 11, False)],
)  # fmt: skip
def test_a_line_may_differ_by_one_smallest_chargeable_unit(currency: str, difference: int, same: bool) -> None:
    expected = line(currency=currency)
    assert proves(replace(expected, amount=expected.amount + difference), expected) is same


@pytest.mark.parametrize("change", [{"quantity": D(1000)}, {"unit_amount": D("0.51")}, {"start": 0}, {"end": 3},
                                    {"currency": "eur"}])  # fmt: skip
def test_everything_else_of_a_line_is_exact(change: dict[str, object]) -> None:
    assert not proves(replace(line(), **change), line())  # type: ignore[arg-type]


def test_the_sum_of_roundings_is_of_proven_lines_alone() -> None:
    a, b = line("a"), line("b")
    assert rounding([a, b], {"a": replace(a, amount=500), "b": replace(b, amount=400)}) == -1


@pytest.mark.parametrize(
    ("amounts", "covers", "currency", "shares"),
    [
        ([7001, 7002], 10000, "usd", [2001, 2002]),  # 4003 * 7001 // 14003
        ([6000], 10000, "usd", [0]),
        ([13000], 10000, "usd", [3000]),
        ([10000, 0], 0, "usd", [10000, 0]),  # nothing was paid in advance
        ([1, 1, 1], 1, "usd", [0, 0, 2]),
        ([5000, 5000], 9900, "isk", [0, 100]),  # whole units of ISK
        ([], 100, "usd", []),
        ([0, 0], 100, "usd", [0, 0]),
    ],
)  # fmt: skip
def test_the_excess_over_a_minimum_is_shared_by_list_amount(
    amounts: list[int], covers: int, currency: str, shares: list[int]
) -> None:
    assert excess_shares(amounts, covers, currency) == shares
    assert sum(shares) == max(0, sum(amounts) - covers)


def bill(charge: str, quantity: str, *, minimum: str | None) -> Bill:
    terms = Terms(content={"currency": "usd", "unit_amount": "100"}, label=charge, product="p", minimum=minimum)
    return Bill(1, charge, START, END, terms, D(quantity))


def test_no_line_is_negative_whatever_was_used_under_a_minimum() -> None:
    found = expected_lines("t", "sub_1", [bill("rows", "-3", minimum="1000"), bill("calls", "12", minimum="1000")])
    assert [(li.quantity, li.unit_amount, li.amount, li.discountable) for li in found] == [
        (D(12), D(0), 0, False),
        (D(1), D(200), 200, True),
        (D(0), D(0), 0, False),
    ]


def advance(
    price: str, amount: int, *, item: str = "si_1", start: datetime = START, **more: object
) -> dict[str, object]:
    """An invoice with one line in advance, for the month from a moment on."""
    details = {"subscription_item": item}
    line = {
        "id": f"il_{amount}", "amount": amount, "pricing": {"price_details": {"price": price}},
        "parent": {"subscription_item_details": details, "invoice_item_details": None},
        "period": {"start": int(start.timestamp()), "end": int(start.timestamp()) + 30 * 86_400},
    }  # fmt: skip
    return {"status": "paid", "lines": {"data": [line]}, **more}


@pytest.mark.parametrize(
    ("invoices", "amount"),
    [
        ([advance("min", 10000)], 10000),
        ([], 0),  # nothing covers where nothing was charged
        ([advance("min", 10000, status="void")], 0),
        ([advance("min", 10000, status="uncollectible")], 10000),
        ([advance("min", 10000, status="draft", auto_advance=False)], 0),
        ([advance("min", 10000, status="draft", auto_advance=True)], 10000),
        ([advance("min", 10000, credited={"il_10000": 2500})], 7500),
        ([advance("min", 4000), advance("min", -1000)], 3000),  # prorated as it was
        ([advance("old", 10000), advance("min", 20000, start=END)], 10000),  # another price of the same item
        ([advance("min", 20000, start=END)], 0),  # of the next period
        ([advance("flat", 5000, item="si_2")], 0),
    ],
)  # fmt: skip
def test_a_minimum_covers_what_was_charged_for_its_period(invoices: list[dict[str, object]], amount: int) -> None:
    assert covered(map(shown_invoice, invoices), ["min"], start=START, bound=END) == amount


def test_which_price_is_a_minimum() -> None:
    assert is_minimum("price:t:plan:pro:~minimum:monthly:default@12345678")
    assert not is_minimum("price:t:plan:pro:calls:monthly:default@12345678")


def names(count: int, charge: str) -> list[UsageLine]:
    return [line(f"usageline:t:sub:{charge}:1:{n}") for n in range(count)]


def test_windows_of_a_full_draft_stay_whole_and_where_they_are() -> None:
    lines = [*names(4, "calls"), *names(1, "rows")]
    assert divided(lines, [], 246).surplus == {("rows", 1)}, "four of four places: calls come first"
    assert divided(lines, names(1, "rows"), 247).surplus == {("calls", 1)}, "existing lines stay"
    assert divided(lines, lines, 250).surplus == frozenset()
    assert divided(lines, [], 250).kept == frozenset()


def item_line(start: int, end: int, *, proration: bool = False) -> dict[str, Any]:
    """Return a line of a subscription's item."""
    details = {"proration": proration, "subscription_item": "si_1"}
    return {"period": {"start": start, "end": end}, "parent": {"subscription_item_details": details}}


@pytest.mark.parametrize(
    ("reason", "lines", "is_one"),
    [
        ("subscription_cycle", [item_line(1000, 5000)], True),  # sold in advance from the renewal on
        ("subscription_cycle", [item_line(0, 1000)], True),  # a metered item, for the period that is over
        (
            "subscription_cycle",
            [item_line(1000, 5000, proration=True)],
            False,
        ),  # what a cancellation gives back (FACTS_A 32)
        ("subscription_cycle", [], False),  # what was pending when a subscription was canceled
        ("subscription_cycle", [item_line(3000, 5000)], False),  # a period of another time
        ("subscription_update", [item_line(1000, 5000)], False),
    ],
)
def test_a_renewal_is_told_by_its_period(reason: str, lines: list[dict[str, Any]], is_one: bool) -> None:
    """F10."""
    body = {"billing_reason": reason, "created": 1000, "period_end": 1000, "lines": {"data": lines}}
    assert is_renewal(shown_invoice(body)) is is_one


@pytest.mark.parametrize(
    ("total", "starting", "ending", "due"),
    [
        (1000, 0, 0, 1000),
        (1000, 4, 0, 1004),
        (4, 0, 4, 0),
        (-334, 0, -334, 0),
        (1000, -334, 0, 666),
        (500, 0, None, 500),
    ],
)
def test_the_bridge_from_total_to_what_was_asked_for(total: int, starting: int, ending: int | None, due: int) -> None:
    """FACTS_A 20-22, FACTS_B 63-67."""
    body = {"total": total, "starting_balance": starting, "ending_balance": ending}
    assert bridge(shown_invoice(body)) == {"total": total, "balance": due - total, "due": due}


@pytest.mark.parametrize(
    ("status", "reason", "wait", "seconds"),
    [("draft", "subscription_cycle", 3600, 3600), ("draft", "subscription_cycle", None, None),
     ("open", "subscription_cycle", 3600, None), ("draft", "manual", 1800, None)],
)  # fmt: skip
def test_only_a_renewals_draft_shows_the_grace_period(
    status: str, reason: str, wait: int | None, seconds: int | None
) -> None:
    at = 1000 + wait if wait is not None else None
    body = {"id": "in_1", "status": status, "billing_reason": reason, "created": 1000, "automatically_finalizes_at": at,
            "period_end": 1000, "lines": {"data": [item_line(1000, 5000)]}}  # fmt: skip
    assert grace.renewal_grace(shown_invoice(body)) == seconds
    found = grace.grace_by_invoice([shown_invoice(body)], rescheduled=["in_1"])
    assert found == {}, "a draft that was moved proves nothing"
    assert (grace.is_short(3599), grace.is_short(3600)) == (True, False)


@pytest.mark.parametrize(
    ("discounts", "coupons", "minimum", "why"),
    [
        (0, [], False, ""),
        (1, [{"percent_off": 50.0, "amount_off": None}], False, ""),
        (1, [{"id": "own", "percent_off": "50"}], False, ""),
        (1, [{"amount_off": 500}], False, "fixed amount"),
        (1, [None], False, "not those of its subscription"),
        (1, [], False, "not those of its subscription"),  # one that was consumed by the draft
        (0, [], True, "minimum spend"),
    ],
)
def test_who_divides_a_full_draft(
    discounts: int, coupons: list[dict[str, object] | None], minimum: bool, why: str
) -> None:
    found = why_not(discounts, coupons, minimum=minimum)
    assert why in found and bool(found) == bool(why)
