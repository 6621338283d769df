"""Invoices of updates and of endings in the sandbox while the subscription is unpaid or its collection is paused (SB 12.8, 21.3)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox_client import DAY, HOUR, SandboxClient, sandbox_client
from tests.unit.sandbox.test_drafts import renewed, renewed_latest
from tests.unit.sandbox.test_payment import state, yearly

INVOICED = {"proration_behavior": "always_invoice"}


def upgraded(stripe: SandboxClient, subscription: str, **more: Any) -> dict[str, Any]:
    """Raise the quantity with an invoice at once; return that invoice."""
    item = stripe.world.stripe["subscriptions"][subscription]["items"]["data"][0]
    before = renewed_latest(stripe, subscription)["id"]
    stripe.post(f"/v1/subscriptions/{subscription}", items=[{"id": item["id"], "quantity": 3}], **INVOICED, **more)
    found = renewed_latest(stripe, subscription)
    assert (found["id"] != before, found["billing_reason"]) == (True, "subscription_update")
    assert found["total"] > 0
    return found


@pytest.mark.parametrize(
    "behavior", ["allow_incomplete", "error_if_incomplete", "pending_if_incomplete", "default_incomplete"]
)
@pytest.mark.parametrize("card", ["4242", "0341"])
@pytest.mark.parametrize(("drafts", "there"), [(True, "draft 0, unpaid"), (False, "open 0, unpaid")])
def test_an_update_of_an_unpaid_subscription_collects_nothing(
    drafts: bool, there: str, card: str, behavior: str
) -> None:
    """SB 12.8, C12: its invoice stays a draft without ``auto_advance``, or open, whatever the card would answer."""
    with sandbox_client(unknowns={"unpaid_renewals_stay_drafts": drafts}) as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        stripe.give(customer, card)
        stripe.world.stripe["subscriptions"][subscription]["status"] = "unpaid"
        invoice = upgraded(stripe, subscription, payment_behavior=behavior)
        assert (invoice["auto_advance"], invoice["next_payment_attempt"], invoice["amount_paid"]) == (False, None, 0)
        assert invoice["automatically_finalizes_at"] is None
        stripe.later(4 * DAY)
        assert state(stripe, subscription) == there


@pytest.mark.parametrize(
    ("behavior", "there"),
    [
        ("keep_as_draft", "draft 0, active"),
        ("void", "void 0, active"),
        ("mark_uncollectible", "uncollectible 0, active"),
    ],
)
@pytest.mark.parametrize("sent", [{}, {"collection_method": "send_invoice", "days_until_due": 7}])
def test_an_update_of_a_paused_subscription_follows_its_pause(behavior: str, there: str, sent: dict[str, Any]) -> None:
    """SB 21.3: an invoice of an update is one that is made meanwhile."""
    with sandbox_client() as stripe:
        subscription = yearly(stripe, stripe.customer(), **sent)
        stripe.later(HOUR + 1)
        stripe.post(f"/v1/subscriptions/{subscription}", pause_collection={"behavior": behavior})
        invoice = upgraded(stripe, subscription)
        assert invoice["amount_paid"] == 0
        stripe.later(2 * HOUR if sent else 0)
        assert state(stripe, subscription) == there


def test_the_balance_pays_what_a_pause_would_write_off() -> None:
    """SB 21.3: ``mark_uncollectible`` still uses the customer's balance, and may end ``paid``."""
    with sandbox_client() as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        stripe.post(f"/v1/customers/{customer}", balance=-1_000_000)
        stripe.post(f"/v1/subscriptions/{subscription}", pause_collection={"behavior": "mark_uncollectible"})
        assert upgraded(stripe, subscription)["status"] == "paid"


def test_a_void_takes_the_swept_items_with_it() -> None:
    """SB 21.3: the pending item on a void invoice of an update is on no later one."""
    with sandbox_client() as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        stripe.post(f"/v1/subscriptions/{subscription}", pause_collection={"behavior": "void"})
        stripe.post("/v1/invoiceitems", customer=customer, subscription=subscription, amount=777, currency="usd")
        assert 777 in [line["amount"] for line in upgraded(stripe, subscription)["lines"]["data"]]
        stripe.post(f"/v1/subscriptions/{subscription}", pause_collection="")
        assert 777 not in [line["amount"] for line in renewed(stripe, subscription)["lines"]["data"]]


@pytest.mark.parametrize("at_date", [False, True], ids=["at once", "at its date"])
@pytest.mark.parametrize(
    ("reason", "there"),
    [("unpaid", "draft 0, canceled"), ("keep_as_draft", "draft 0, canceled"), ("void", "void 0, canceled"),
     ("mark_uncollectible", "uncollectible 0, canceled")],
)  # fmt: skip
def test_the_last_invoice_of_one_that_nothing_is_collected_for(reason: str, there: str, at_date: bool) -> None:
    """SB 12.8, 21.3: the last invoice is one that is made meanwhile, too."""
    with sandbox_client() as stripe:
        customer = stripe.customer()
        subscription = yearly(stripe, customer)
        if reason == "unpaid":
            stripe.world.stripe["subscriptions"][subscription]["status"] = "unpaid"
        else:
            stripe.post(f"/v1/subscriptions/{subscription}", pause_collection={"behavior": reason})
        stripe.post("/v1/invoiceitems", customer=customer, subscription=subscription, amount=777, currency="usd")
        if at_date:
            stripe.post(
                f"/v1/subscriptions/{subscription}", cancel_at=stripe.world.now + DAY, proration_behavior="none"
            )
            stripe.later(DAY)
        else:
            assert stripe.send("DELETE", f"/v1/subscriptions/{subscription}", invoice_now=True)[0] == 200
        assert renewed_latest(stripe, subscription)["lines"]["data"][0]["amount"] == 777
        stripe.later(4 * DAY)
        assert state(stripe, subscription) == there
