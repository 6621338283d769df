"""Invoices that nothing will ever finalize (BILLING 7 and 9, issue 23 point 2.3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from stripe_sync.domain.usage.holds.stuck import WAYS_OUT, Standstill, Stuck, StuckCause, find_standstill
from tests.support.invoices import shown_invoice

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


def standstill(body: dict[str, Any], *, now: datetime, **more: bool) -> Standstill | None:
    return find_standstill(shown_invoice(body), now=now, **more)


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
    found = standstill(body, now=NOW)
    assert (found.why if found else None) == why


def test_an_invoice_of_our_own_has_an_hour_to_be_proven() -> None:
    fresh = invoice("draft", auto_advance=False, automatically_finalizes_at=None, created=AN_HOUR_AGO + 60)
    assert standstill(fresh, now=NOW, is_own=True) is None
    assert standstill(fresh | {"created": OLD}, now=NOW, is_own=True) is not None


@pytest.mark.parametrize(
    ("body", "has_use"),
    [
        (invoice("draft", auto_advance=False, amount_remaining=0, total=0), True),
        (invoice("draft", auto_advance=False, amount_remaining=0, total=0), False),
        (invoice("draft", amount_remaining=0, total=0), True),
    ],
)
def test_a_draft_of_nothing_stays_as_it_is_where_it_will_bill_use(body: dict[str, Any], has_use: bool) -> None:
    found = standstill(body, now=NOW, has_use=has_use)
    assert (found is not None) is (has_use and not body["auto_advance"])


MINUTES = {"status_transitions": {"finalized_at": AN_HOUR_AGO + 60}}


@pytest.mark.parametrize(
    ("body", "is_answered", "is_stuck"),
    [
        (invoice("open"), True, True),
        (invoice("open"), False, False),
        (invoice("open", **MINUTES), True, False),
        (invoice("open", next_payment_attempt=AN_HOUR_AGO + 86_400), True, False),
        (invoice("open", billing_reason="subscription_create"), True, False),
        (invoice("open", collection_method="send_invoice"), True, False),
    ],
)
def test_an_open_invoice_that_no_payment_can_settle_is_listed_after_an_hour(
    body: dict[str, Any], is_answered: bool, is_stuck: bool
) -> None:
    """A bank debit may be under way for two weeks; a card has answered."""
    found = standstill(body, now=NOW, is_answered=is_answered)
    assert (found is not None and found.cause is StuckCause.NOT_COLLECTED) is is_stuck


def test_the_sentence_names_object_matter_and_way_out() -> None:
    row = Stuck("in_1", "sub_1", "draft", "usd", shown_invoice(invoice("draft")).owed(), OFF)
    assert row.sentence() == (
        "in_1 of sub_1 is a draft of 40.00 USD that nothing finalizes, its auto_advance is off: switch auto_advance on, or "
        "finalize and void it."
    )


FAILED = {"automatically_finalizes_at": None}
LOCATION, TAX = {"code": "customer_tax_location_invalid"}, {"code": "failed_tax_calculation"}


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (invoice("draft", auto_advance=False), StuckCause.NOT_FINALIZED),
        (invoice("draft", automatically_finalizes_at=None), StuckCause.NOT_FINALIZED),
        (invoice("draft", **FAILED, last_finalization_error=LOCATION), StuckCause.NO_LOCATION),
        (invoice("draft", **FAILED, last_finalization_error=TAX), StuckCause.FINALIZATION_ERROR),
        (
            invoice("draft", **FAILED, last_finalization_error={"code": None, "message": LOCATION["code"]}),
            StuckCause.FINALIZATION_ERROR,
        ),
        (invoice("open", status_transitions={"finalized_at": OLD}), StuckCause.NOT_COLLECTED),
    ],
)
def test_the_way_out_is_that_of_the_cause(body: dict[str, Any], cause: StuckCause) -> None:
    """A draft that failed to finalize has auto_advance on already (SB 17.3, 17.7). No cause is read out of a message."""
    found = standstill(body, now=NOW)
    assert found is not None and found.cause is cause
    row = Stuck("in_1", "sub_1", body["status"], "usd", 4000, found.why, cause=found.cause)
    assert row.sentence().endswith(f"{found.why}: {WAYS_OUT[cause]}.")
    assert found.sentence == f"{found.why}: {WAYS_OUT[cause]}"


def test_a_row_has_its_own_way_out_before_that_of_its_cause() -> None:
    assert Stuck("in_1", "sub_1", "draft", "usd", 4000, OFF, "leave it").sentence().endswith(f"{OFF}: leave it.")
