"""The renewal that made an invoice, of whatever lines (BILLING 7 and 8)."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.domain.actual.renewals import is_renewal, renewal_of
from tests.support.invoices import shown_invoice

R, MADE, MONTH = 1_800_000_000, 50, 30 * 86_400


def line(start: int, end: int, *, proration: bool = False) -> dict[str, Any]:
    """Return a line of a subscription's item."""
    details = {"proration": proration, "subscription_item": "si_1"}
    return {"period": {"start": start, "end": end}, "parent": {"subscription_item_details": details}}


LICENSED, METERED = line(R, R + MONTH), line(R - MONTH, R)
PRORATION = line(R - MONTH // 2, R + MONTH, proration=True)
PENDING = {"period": {"start": R, "end": R}, "parent": {"subscription_item_details": None, "invoice_item_details": {}}}


@pytest.mark.parametrize(
    ("lines", "moment"),
    [
        ([LICENSED], R),
        ([METERED], R),
        ([LICENSED, METERED], R),
        ([METERED, LICENSED, PRORATION, PENDING], R),
        ([line(R, R + 12 * MONTH), METERED], R),  # a year in advance beside a month of use
        ([PRORATION], None),  # the last invoice of a cancellation (FACTS_A 32)
        ([line(R, R + MONTH, proration=True)], None),  # the same, of a whole period that was paid in advance
        ([PENDING], None),  # what was pending when a subscription was canceled
        ([], None),
        ([line(R + 2 * 3600, R + MONTH)], None),  # a period of another time
        ([line(R + 30, R + MONTH)], R + 30),  # an invoice's period may drift from its lines' (SB 1.10)
    ],
)
def test_the_moment_of_the_renewal_that_made_an_invoice(lines: list[dict[str, Any]], moment: int | None) -> None:
    body = {"billing_reason": "subscription_cycle", "created": R + MADE, "period_end": R, "lines": {"data": lines}}
    assert renewal_of(shown_invoice(body)) == moment
    assert is_renewal(shown_invoice(body)) is (moment is not None)
    assert renewal_of(shown_invoice(body | {"billing_reason": "subscription_update"})) is None, (
        "another reason is no renewal"
    )
