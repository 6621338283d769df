"""The sentence about a draft that sells a period after the end: both sums, its time, and the way out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from stripe_sync.domain.actual.unowed_invoices import Sums
from stripe_sync.domain.usage.holds.unowed import sentence
from tests.support.invoices import shown_invoice

AT = datetime(2027, 2, 28, 23, 59, 59, tzinfo=UTC)


@pytest.mark.parametrize(
    ("currency", "owed", "sold", "expected"),
    [
        ("usd", 333, 2000, "3.33 USD are owed before the end, 20.00 USD are not"),
        ("usd", 0, 9900, "0.00 USD are owed before the end, 99.00 USD are not"),
        ("usd", -97, 1, "-0.97 USD are owed before the end, 0.01 USD are not"),
        ("jpy", 333, 2000, "333 JPY are owed before the end, 2000 JPY are not"),
        ("kwd", 10, 12340, "0.010 KWD are owed before the end, 12.340 KWD are not"),
    ],
)
def test_both_sums_are_in_the_drafts_currency(currency: str, owed: int, sold: int, expected: str) -> None:
    sums = Sums(owed=owed, sold=sold, movable=0, persons=())
    says = sentence(shown_invoice({"currency": currency}), "sub_1", sums=sums, finalizes_at=AT)
    assert says.startswith(
        "in_1 of sub_1 is finalized at 2027-02-28 23:59 UTC and sells a period that Stigg never sold"
    )
    assert expected in says
    assert says.endswith("let it go with stripe-sync release.")


def test_a_stopped_draft_has_no_time() -> None:
    sums = Sums(owed=333, sold=2000, movable=333, persons=())
    says = sentence(shown_invoice({"currency": "usd"}), "sub_1", sums=sums, finalizes_at=None)
    assert says.startswith("in_1 of sub_1 is stopped and sells")
