"""The order in which the sandbox looks for what pays an invoice: each step before all later ones (SB 12.1)."""

from __future__ import annotations

import pytest

from tests.support.sandbox_client import DAY, HOUR, sandbox_client

# SB 12.1; default_source of an invoice: types.
ORDER = (
    ("invoice", "default_payment_method"), ("invoice", "default_source"),
    ("subscription", "default_payment_method"), ("subscription", "default_source"),
    ("invoice_settings", "default_payment_method"), ("customer", "default_source"),
)  # fmt: skip


@pytest.mark.parametrize(("first", "later", "status"), [("4242", "0341", "paid"), ("0341", "4242", "open")])
@pytest.mark.parametrize("step", range(len(ORDER)), ids=[f"{owner}-{field}" for owner, field in ORDER])
def test_a_renewal_is_charged_to_the_first_source_of_the_order(step: int, first: str, later: str, status: str) -> None:
    with sandbox_client() as stripe:
        customer = stripe.customer("4242")
        items = [{"price": stripe.price(3000)}]
        subscription = str(stripe.post("/v1/subscriptions", customer=customer, items=items)["id"])
        stripe.later(30 * DAY + 60)
        draft = stripe.get("/v1/invoices", subscription=subscription)["data"][0]
        assert draft["status"] == "draft"
        sources = stripe.give(customer, first), stripe.give(customer, later)
        kept = stripe.world.stripe
        owners = {
            "invoice": kept["invoices"][draft["id"]], "subscription": kept["subscriptions"][subscription],
            "customer": kept["customers"][customer], "invoice_settings": kept["customers"][customer]["invoice_settings"],
        }  # fmt: skip
        for number, (owner, field) in enumerate(ORDER):
            owners[owner][field] = None if number < step else sources[number > step]
        stripe.later(2 * HOUR)
        assert stripe.get(f"/v1/invoices/{draft['id']}")["status"] == status
