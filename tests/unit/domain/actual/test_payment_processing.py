"""Payments of creations and changes that are under way, or failed days later (BILLING 6, SB 21.11)."""

from __future__ import annotations

from typing import Any

import pytest

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.payment_processing import unpaid
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_subscriptions import StripeSubscription


def held(status: str, **more: Any) -> StripeSubscription:
    row = {"id": "sub_1", "customer": "cus_1", "status": status, "items": {"data": []}, "currency": "usd",
           "collection_method": "charge_automatically"}  # fmt: skip
    return from_stripe(row | more, StripeSubscription)


def invoice(**more: Any) -> StripeInvoice:
    row = {"id": "in_1", "customer": "cus_1", "currency": "usd", "status": "open", "billing_reason": "subscription_create",
           "amount_remaining": 3000, "auto_advance": True, "attempted": True}  # fmt: skip
    return from_stripe(row | more, StripeInvoice)


@pytest.mark.parametrize(
    ("status", "more", "is_delayed", "expected"),
    [
        ("active", {}, True, "processing"),
        ("active", {}, False, "processing"),  # the account was replaced by a card since: the debit is still under way
        ("active", {"auto_advance": False}, True, "processing"),
        ("active", {"auto_advance": False}, False, None),  # stopped by a person
        ("incomplete", {}, True, "processing"),
        ("incomplete", {"auto_advance": False}, False, None),  # 3DS: the customer is at it
        ("past_due", {}, True, "processing"),  # Stripe tries it again
        ("past_due", {}, False, "failed"),
        ("past_due", {"next_payment_attempt": 1_800_000_000}, True, "failed"),
        ("past_due", {"auto_advance": False}, True, "failed"),  # after the last try
        ("unpaid", {"auto_advance": False}, True, "failed"),
        ("active", {"status": "paid"}, True, None),
        ("active", {"amount_remaining": 0}, True, None),
        ("active", {"billing_reason": "subscription_cycle"}, True, None),  # a renewal is Stripe's own business
        ("active", {"billing_reason": "manual"}, True, None),
        ("active", {"billing_reason": "subscription_update"}, True, "processing"),
        ("canceled", {}, True, None),
    ],
)
def test_what_is_not_paid(status: str, more: dict[str, Any], is_delayed: bool, expected: str | None) -> None:
    found = unpaid(held(status), [invoice(**more)], is_delayed=is_delayed)
    assert (found.kind if found else None) == expected


def test_a_pending_update_is_somebody_elses_and_no_debit() -> None:
    assert unpaid(held("active", pending_update={}), [invoice()], is_delayed=True) is None


def test_a_failed_payment_goes_before_one_that_is_under_way() -> None:
    late = invoice(id="in_0", created=5)
    failed = invoice(id="in_2", created=9, next_payment_attempt=1_800_000_000)
    found = unpaid(held("active"), [late, failed], is_delayed=True)
    assert found is not None
    assert (found.kind, found.invoice) == ("failed", "in_2")
    assert found.sentence == (
        "The payment of 30.00 USD for in_2 failed, and Stripe tries it again after 2027-01-15 08:00 UTC. The customer can "
        "replace the payment method by the portal link (stripe-sync portal)."
    )


def test_nothing_is_unpaid_without_a_subscription_or_invoices() -> None:
    assert unpaid(None, [invoice()], is_delayed=True) is None
    assert unpaid(held("active"), [], is_delayed=True) is None
