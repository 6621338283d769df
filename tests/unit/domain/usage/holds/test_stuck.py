"""Invoices that nothing will ever finalize (BILLING 7 and 9, issue 23 point 2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stripe_sync.domain.usage.holds.stuck import Stuck, owed, usual_way, why_stuck

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
AN_HOUR_AGO = int((NOW - timedelta(hours=1)).timestamp())
OLD = int((NOW - timedelta(days=30)).timestamp())
OFF = "nothing finalizes, its auto_advance is off"


def invoice(status: str, **more: Any) -> dict[str, Any]:
    """Return a renewal's invoice of 40.00 that Stripe moves on by itself."""
    draft: dict[str, Any] = {
        "id": "in_1", "status": status, "auto_advance": True, "automatically_finalizes_at": AN_HOUR_AGO + 3601,
        "amount_remaining": 4000, "total": 4000, "billing_reason": "subscription_cycle", "created": AN_HOUR_AGO,
        "collection_method": "charge_automatically", "last_finalization_error": None, "next_payment_attempt": None,
        "status_transitions": {"finalized_at": None if status == "draft" else AN_HOUR_AGO},
    }  # fmt: skip
    return draft | more


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (invoice("draft"), None),
        (invoice("draft", auto_advance=False, automatically_finalizes_at=None), OFF),
        (invoice("draft", auto_advance=False, automatically_finalizes_at=AN_HOUR_AGO + 3601), OFF),
        (invoice("draft", automatically_finalizes_at=None), "has no time of finalization"),
        (invoice("draft", automatically_finalizes_at=None, last_finalization_error={"code": "x"}), "could not be finalized (x)"),
        (invoice("draft", auto_advance=False, amount_remaining=0, total=0), None),
        (invoice("draft", auto_advance=False, amount_remaining=0, total=-500), OFF),
        (invoice("open"), None),
        (invoice("open", next_payment_attempt=AN_HOUR_AGO + 86_400), None),
        (invoice("open", auto_advance=False), "nothing collects, its auto_advance is off"),
        (invoice("open", auto_advance=False, billing_reason="subscription_create"), None),
        (invoice("open", auto_advance=False, billing_reason="subscription_create",
                 status_transitions={"finalized_at": OLD}), "nothing collects, its auto_advance is off"),
        (invoice("open", status_transitions={"finalized_at": OLD}), "is not tried again"),
        (invoice("open", auto_advance=False, collection_method="send_invoice"), None),
        (invoice("paid", auto_advance=False), None),
        (invoice("void", auto_advance=False), None),
    ],
)  # fmt: skip
def test_why_an_invoice_stays_as_it_is(body: dict[str, Any], why: str | None) -> None:
    assert why_stuck(body, now=NOW) == why


def test_an_invoice_of_our_own_has_an_hour_to_be_proven() -> None:
    fresh = invoice("draft", auto_advance=False, automatically_finalizes_at=None, created=AN_HOUR_AGO + 60)
    assert why_stuck(fresh, now=NOW, is_own=True) is None
    assert why_stuck(fresh | {"created": OLD}, now=NOW, is_own=True) == OFF


def test_the_sentence_names_object_matter_and_way_out() -> None:
    row = Stuck("in_1", "sub_1", "draft", "usd", owed(invoice("draft")), OFF)
    assert row.sentence() == (
        "in_1 of sub_1 is a draft of 40.00 USD that nothing finalizes, its auto_advance is off: switch auto_advance on, or "
        "finalize and void it."
    )


@pytest.mark.parametrize(
    ("status", "why", "way"),
    [
        ("draft", OFF, "switch auto_advance on, or finalize and void it"),
        ("draft", "has no time of finalization", "switch auto_advance on, or finalize and void it"),
        (
            "draft",
            "could not be finalized (customer_tax_location_invalid)",
            "correct the customer's address in Stripe, then finalize it with auto_advance on",
        ),
        (
            "draft",
            "could not be finalized (failed_tax_calculation)",
            "remove the cause that Stripe's error names, then finalize it with auto_advance on",
        ),
        ("open", "is not tried again", "pay, send or void it"),
    ],
)
def test_the_way_out_is_that_of_the_reason(status: str, why: str, way: str) -> None:
    """A draft that failed to finalize has auto_advance on already; Stripe's code is in the reason (SB 17.3, 17.7)."""
    assert usual_way(status, why) == way
    assert Stuck("in_1", "sub_1", status, "usd", 4000, why).sentence().endswith(f"{why}: {way}.")
