"""Unused time of paid periods: by hand, and over generated times."""

from __future__ import annotations

import random
from typing import Any

import pytest

from stripe_sync.domain.actual.pending_items import Pending
from stripe_sync.domain.actual.unused_time import Unused, unused, unused_pending
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from tests.support.invoices import shown_invoice

R, DAY, MONTH = 1_800_000_000, 86_400, 30 * 86_400
ITEM = {"subscription_item_details": {"proration": False}}


def line(amount: int, start: int, end: int, *, off: int = 0, parent: dict[str, Any] | None = None) -> dict[str, Any]:
    discounts = [{"amount": off, "discount": "di_1"}] if off else []
    period = {"start": start, "end": end}
    return {"amount": amount, "period": period, "discount_amounts": discounts, "parent": parent or ITEM}


def invoice(id: str, *lines: dict[str, Any], status: str = "paid") -> StripeInvoice:
    return shown_invoice({"id": id, "status": status, "currency": "usd", "lines": {"data": list(lines)}})


def test_a_share_of_what_was_debited_net_of_discounts() -> None:
    """Half of 30.00 and half of 10.00 less 5.00; metered usage and unlinked items are no paid time."""
    renewal = invoice(
        "in_1",
        line(3000, R, R + MONTH),
        line(1000, R, R + MONTH, off=500),
        line(777, R - MONTH, R),
        line(900, R, R + MONTH, parent={"invoice_item_details": {"proration": False}}),
    )
    assert unused([renewal], R + MONTH // 2) == Unused(1750, "usd", "in_1")


def test_an_upgrade_inside_the_period_counts_with_its_credit() -> None:
    """Ended after 20 of 30 days: a third of 30.00; of 15.00 for the rest of the period, half; of its credit of 5.00, half."""
    change = {"subscription_item_details": {"proration": True}}
    renewal = invoice("in_1", line(3000, R, R + MONTH))
    upgrade = invoice(
        "in_2",
        line(1500, R + 10 * DAY, R + MONTH, parent=change),
        line(-500, R + 10 * DAY, R + MONTH, parent=change),
    )
    assert unused([renewal, upgrade], R + 20 * DAY) == Unused(1000 + 750 - 250, "usd", "in_1")


@pytest.mark.parametrize("status", ["draft", "void", "uncollectible"])
def test_what_was_not_debited_is_not_given_back(status: str) -> None:
    assert unused([invoice("in_1", line(3000, R, R + MONTH), status=status)], R + DAY) is None


@pytest.mark.parametrize(
    ("end", "amount"), [(R - 1, None), (R, 3000), (R + MONTH - 61, None), (R + MONTH - 60, None), (R + MONTH, None)]
)
def test_an_end_beside_the_bounds_of_the_period(end: int, amount: int | None) -> None:
    found = unused([invoice("in_1", line(3000, R, R + MONTH))], end)
    assert (found.amount if found else None) == amount


def test_it_is_never_more_than_was_debited_and_falls_with_time() -> None:
    rng = random.Random(23)
    for _ in range(300):
        lines = [line(rng.randint(0, 10_000), R, R + MONTH, off=0) for _ in range(rng.randint(1, 4))]
        total = sum(part["amount"] for part in lines)
        ends = sorted(rng.randint(R, R + MONTH) for _ in range(5))
        found = [unused([invoice("in_1", *lines)], end) for end in ends]
        amounts = [one.amount if one else 0 for one in found]
        assert amounts == sorted(amounts, reverse=True)
        assert all(0 <= amount <= total for amount in amounts)


def pending_item(id: str, amount: int, start: int, end: int) -> Pending:
    return Pending(id, amount, "usd", "prod_1", own=True, start=start, end=end)


def test_what_the_ending_bills_for_time_after_it() -> None:
    """38.50 and -9.63 of a month, ended in its middle: 19.25 and -4.815, rounded down to 14.43."""
    items = [pending_item("ii_1", 3850, R, R + MONTH), pending_item("ii_2", -963, R, R + MONTH)]
    assert unused_pending(items, R + MONTH // 2) == [{"items": ["ii_1", "ii_2"], "currency": "usd", "amount": 1443}]
    assert unused_pending(items, R) == [{"items": ["ii_1", "ii_2"], "currency": "usd", "amount": 2887}]
    assert unused_pending(items, R - DAY) == [{"items": ["ii_1", "ii_2"], "currency": "usd", "amount": 2887}]
    assert unused_pending(items, R + MONTH - 60) == []
    assert unused_pending([pending_item("ii_1", 500, R, R)], R) == [], "a single charge is for no time"
    assert unused_pending(items[1:], R) == [], "a credit is not billed"
