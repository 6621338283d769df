"""The parameters of previews, from those of the write that is previewed (BILLING 6)."""

from __future__ import annotations

import time
from dataclasses import replace
from decimal import Decimal

import pytest
from msgspec import structs

from stripe_sync.apply.previews import ExpectedAmounts, Previewed, of_change, of_creation
from stripe_sync.apply.resources.subscription import CurrentParts, changes, creation
from stripe_sync.clients.stripe.client import Total
from stripe_sync.clients.stripe.parameters.encoding import Parameters, encode
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.plan.actions import ActionKind
from tests.support.sent import RecordingApi, call_of, index

CREATION = {
    "customer": "customer:eu:a",
    "items": [{"price": "price:eu:a", "quantity": "2"}],
    "collection_method": "send_invoice",
    "days_until_due": "14",
    "billing_cycle_anchor": 1_700_000_000,
    "metadata": {"stiggEntityId": "x"},
    "one_off": [{"price": "price:eu:c", "quantity": "1"}],
    "attach": {"A": "coupon:eu:a"},
    "backdate_start_date": 1_690_000_000,
    "cancel_at": "1800000000",
}


def test_a_creation_has_its_anchor_as_an_object_and_one_off_items_of_the_invoice() -> None:
    call = call_of(ActionKind.SUBSCRIPTION_CREATE, "subscription:eu:n", CREATION, api=RecordingApi(), links=index())
    assert encode(of_creation(creation(call))) == {
        "customer": "cus_a",
        "subscription_details": {
            "items": [{"price": "price_a", "quantity": 2}],
            "billing_mode": {"type": "flexible"},
            "proration_behavior": "create_prorations",
            "cancel_at": 1_800_000_000,
            "billing_cycle_anchor": {"type": "timestamp", "timestamp": 1_700_000_000},
            "start_date": 1_690_000_000,
        },
        "discounts": [{"coupon": "coupon_a"}],
        "automatic_tax": {"enabled": False},
        "invoice_items": [{"price": "price_c", "quantity": 1}],
    }


def test_a_change_has_its_items_and_their_proration_alone() -> None:
    after = {
        "items": [{"price": "price:eu:b", "quantity": "1"}],
        "proration_behavior": "always_invoice",
        "billing_cycle_anchor": {"type": "now"},
        "proration_date": 1_701_000_000,
        "collection_method": "send_invoice",
    }
    call = call_of(
        ActionKind.SUBSCRIPTION_UPDATE,
        "subscription:eu:a",
        after,
        before={"items": [{"price": "price:eu:a", "quantity": "1"}]},
        api=RecordingApi(),
        links=index(),
    )
    parts = CurrentParts(items={"price:eu:a": "si_a"})
    assert encode(of_change("sub_a", changes(call, parts))) == {
        "subscription": "sub_a",
        "subscription_details": {
            "items": [{"id": "si_a", "price": "price_b", "quantity": 1}],
            "billing_cycle_anchor": {"type": "now"},
            "proration_behavior": "always_invoice",
            "proration_date": 1_701_000_000,
        },
    }


class _Preview(RecordingApi):
    """An API whose previews are of one total."""

    def preview(self, params: Parameters) -> Total:
        return Total("usd", Decimal(3_029_87), Decimal(3_000_00))


@pytest.mark.parametrize(
    ("approved", "due", "is_previewed", "why"),
    [
        (None, 302_987, True, ""),
        (None, 2_987, True, "29.87 USD were planned"),
        (None, 300_000, False, ""),  # a computed amount has no tax
        (None, 299_999, False, "2999.99 USD were planned"),
        (302_987, 2_987, True, ""),
        (2_987, 302_987, True, "29.87 USD were approved"),
    ],
)
def test_a_creation_waits_where_its_amount_is_neither_planned_nor_approved(
    approved: int | None, due: int, *, is_previewed: bool, why: str
) -> None:
    call = call_of(ActionKind.SUBSCRIPTION_CREATE, "subscription:eu:n", CREATION, api=_Preview(), links=index())
    action = structs.replace(call.action, due_now={"usd": Decimal(due)}, is_previewed=is_previewed)
    amounts = ExpectedAmounts(None if approved is None else {action.hash: {"usd": Decimal(approved)}})
    found = amounts.reason(replace(call, action=action))
    assert found == (f"Stripe would invoice 3029.87 USD now, and {why}. It is planned again." if why else "")


@pytest.mark.parametrize(
    ("invoice", "differs"),
    [
        (StripeInvoice(id="in_new", currency="usd", total=2_987), False),
        (StripeInvoice(id="in_new", currency="usd", total=302_987), True),
        (StripeInvoice(id="in_new", currency="eur", total=2_987), True),
        (StripeInvoice(id="in_old", currency="usd", total=302_987), False),  # the write made no invoice
        (None, False),
    ],
)
def test_the_invoice_that_a_write_made_is_compared_with_its_preview(
    invoice: StripeInvoice | None, *, differs: bool
) -> None:
    call = call_of(ActionKind.SUBSCRIPTION_CREATE, "subscription:eu:n", CREATION, api=RecordingApi(), links=index())
    amounts = ExpectedAmounts(
        previews={call.action.hash: Previewed({"usd": Decimal(2_987)}, "in_old", time.monotonic())}
    )
    found = amounts.differences(call.action, invoice)
    assert bool(found) is differs
    if differs and invoice is not None and invoice.currency == "usd":
        assert found == ("the total of in_new (3029.87 USD; previewed: 29.87 USD)",)
