"""Renewal drafts that Stripe cannot tax, and their alerts (BILLING 9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.holds.untaxed import problem_of, row
from tests.support.invoices import shown_invoice

MISSING = "requires_location_inputs"


def draft(status: str | None = MISSING, *, enabled: bool = True, **more: Any) -> dict[str, Any]:
    """Return a renewal's draft of 35.00."""
    tax = {"enabled": enabled, "status": status}
    body: dict[str, Any] = {"id": "in_1", "status": "draft", "billing_reason": "subscription_cycle", "currency": "usd"}
    return body | {"automatic_tax": tax, "amount_remaining": 3500, "total": 3500} | more


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (draft(), MISSING),
        (draft("failed"), "failed"),
        (draft("complete"), None),
        (draft(None), None),
        (draft(enabled=False), None),
        (draft(status="requires_location_inputs") | {"status": "open"}, None),
        (draft(billing_reason="manual"), None),
        (draft() | {"automatic_tax": None}, None),
    ],
)
def test_which_drafts_cannot_be_taxed(body: dict[str, Any], problem: str | None) -> None:
    """SB 17.2, 21.12."""
    assert problem_of(shown_invoice(body)) == problem


def test_the_sentence_has_amount_reason_and_way_out() -> None:
    at = datetime(2026, 12, 2, 9, tzinfo=UTC)
    seen = Invoice("in_1", "sub_1", "draft", at, at, at, is_stale=False, body=draft(customer="cus_1"))
    assert row(seen).sentence() == (
        "in_1 of sub_1 is a draft of 35.00 USD that Stripe cannot tax (automatic_tax.status requires_location_inputs): correct "
        "the customer's address in Stripe, or let it go untaxed with stripe-sync release; it goes out as it is at "
        "2026-12-02 09:00 UTC."
    )
    assert "it is held until you release it" in row(replace(seen, finalizes_at=None)).sentence()
