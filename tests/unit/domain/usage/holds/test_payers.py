"""The payment method of an open invoice: whether a payment of it can be under way for days."""

from __future__ import annotations

import pytest

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.model.stripe import PaymentMethod, StripeCustomer
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.usage.holds.payers import is_answered_at_once
from tests.unit.domain.usage.values import body, stripe_subscription

CARD = {"id": "pm_card", "type": "card", "card": {"fingerprint": "f"}}
DEBIT = {"id": "pm_debit", "type": "sepa_debit"}


def customer(method: dict[str, object] | str | None) -> StripeCustomer:
    return from_stripe({"id": "cus_1", "invoice_settings": {"default_payment_method": method}}, StripeCustomer)


@pytest.mark.parametrize(
    ("own", "customers", "named", "is_answered"),
    [
        (CARD, None, None, True),
        (None, CARD, None, True),
        (None, None, None, True),
        (DEBIT, CARD, None, False),
        (CARD, DEBIT, None, True),
        (None, DEBIT, None, False),
        (None, "pm_card", None, False),
        (CARD, DEBIT, "pm_debit", False),
        (DEBIT, CARD, "pm_card", True),
        (CARD, None, "pm_other", False),
    ],
)
def test_a_card_answers_at_once_and_so_does_nothing(
    own: dict[str, object] | None, customers: dict[str, object] | str | None, named: str | None, is_answered: bool
) -> None:
    """The invoice's own method goes before the subscription's, and that before the customer's (SB 12.1)."""
    method = from_stripe(own, PaymentMethod) if own is not None else None
    shown = from_stripe(body("in_1", status="open", default_payment_method=named), StripeInvoice)
    held = stripe_subscription(default_payment_method=method)
    assert is_answered_at_once(shown, held, customer(customers)) is is_answered


def test_a_payer_that_the_mirrors_do_not_have_may_pay_by_debit() -> None:
    shown = from_stripe(body("in_1", status="open"), StripeInvoice)
    assert not is_answered_at_once(shown, None, customer(None))
    assert not is_answered_at_once(shown, stripe_subscription(), None)
