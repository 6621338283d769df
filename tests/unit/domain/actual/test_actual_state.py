"""Drafts as the input of an ending: the time of a renewal is read from the lines of a decoded invoice."""

from __future__ import annotations

from stripe_sync.core.decoding import from_stripe
from stripe_sync.domain.actual.actual_state import drafts_by_subscription
from stripe_sync.domain.actual.unowed_invoices import charged, split
from stripe_sync.domain.model.stripe_invoices import StripeInvoice

START, END = 1_797_400_800, 1_800_079_200


def test_a_decoded_renewal_keeps_the_time_of_its_renewal() -> None:
    line = {
        "id": "il_1", "amount": 2000, "metadata": {}, "discount_amounts": [{"amount": 500, "discount": "di_1"}],
        "taxes": [{"amount": 300, "tax_behavior": "exclusive"}], "period": {"start": START, "end": END},
        "parent": {"type": "subscription_item_details",
                   "subscription_item_details": {"subscription_item": "si_1", "proration": False}},
    }  # fmt: skip
    body = {
        "id": "in_1", "object": "invoice", "customer": "cus_1", "currency": "usd", "status": "draft", "created": START,
        "billing_reason": "subscription_cycle", "period_end": START, "auto_advance": False,
        "parent": {"type": "subscription_details", "subscription_details": {"subscription": "sub_1", "metadata": {}}},
        "lines": {"object": "list", "data": [line], "has_more": False},
    }  # fmt: skip
    drafts = {"in_1": from_stripe(body, StripeInvoice)}
    (draft,) = drafts_by_subscription(drafts)["sub_1"]
    assert (draft["begins"], draft["auto_advance"], draft["subscription"]) == (START, False, "sub_1")

    (kept,) = drafts["in_1"].lines.data
    assert charged(kept) == 1800, "net of the discount, with the tax"
    assert split([kept], START, set()).sold == 1800
