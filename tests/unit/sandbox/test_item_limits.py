"""250 invoice items an invoice: the surplus of pending ones waits for the next, and one more on a draft is refused (SB 3.2)."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest

from tests.support.sandbox_client import Obj, SandboxClient, sandbox_client

FULL = 250


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def leave(stripe: SandboxClient, number: int, customer: str, **more: str) -> None:
    """Leave pending items of 0.01 and upwards, one after the other; the first is the oldest."""
    item = stripe.post("/v1/invoiceitems", customer=customer, amount=1, currency="usd", **more)
    for n in range(2, number + 1):
        own = copy.deepcopy(stripe.world.stripe["invoiceitems"][item["id"]])
        stripe.world.put("invoiceitems", own | {"id": stripe.world.next_id("ii"), "amount": n})


def left(stripe: SandboxClient, customer: str) -> list[int]:
    items = stripe.get("/v1/invoiceitems", customer=customer, pending=True)["data"]
    return [item["amount"] for item in items]


def flexible(stripe: SandboxClient, customer: str, price: str, **more: object) -> Obj:
    return stripe.post("/v1/subscriptions", customer=customer, items=[{"price": price, "quantity": 1}], **more)


def amounts(stripe: SandboxClient, invoice: str) -> list[int]:
    """Return the amounts of the invoice items of an invoice, prorations too."""
    lines = stripe.world.stripe["invoices"][invoice]["lines"]["data"]
    return [line["amount"] for line in lines if line["parent"]["invoice_item_details"]]


def test_a_one_off_invoice_takes_the_oldest_250(stripe: SandboxClient) -> None:
    """SB 3.2, 3.6: the surplus waits for the next invoice."""
    customer = stripe.customer()
    leave(stripe, FULL + 2, customer)
    form: Obj = {"customer": customer, "pending_invoice_items_behavior": "include"}
    assert stripe.post("/v1/invoices", **form)["lines"]["total_count"] == FULL
    assert left(stripe, customer) == [252, 251]
    assert stripe.post("/v1/invoices", **form)["total"] == 252 + 251


@pytest.mark.parametrize("there", [FULL - 1, FULL])
def test_a_draft_takes_lines_up_to_250(stripe: SandboxClient, there: int) -> None:
    """SB 3.2: of a request that is over the limit no line is stored."""
    customer = stripe.customer()
    leave(stripe, there, customer)
    draft = stripe.post("/v1/invoices", customer=customer, pending_invoice_items_behavior="include")["id"]
    lines = [{"amount": 5}, {"amount": 6}]
    assert stripe.refused("POST", f"/v1/invoices/{draft}/add_lines", lines=lines)[1]["param"] == "lines"
    assert stripe.get(f"/v1/invoices/{draft}")["lines"]["total_count"] == there
    assert stripe.get("/v1/invoiceitems", customer=customer, pending=True)["data"] == []
    form = {"customer": customer, "invoice": draft, "amount": 7, "currency": "usd"}
    status, _ = stripe.send("POST", "/v1/invoiceitems", **form)
    assert status == (200 if there < FULL else 400)


def test_prorations_are_counted(stripe: SandboxClient) -> None:
    """SB 3.2: with the two of a change 248 more fit; the renewal's draft then takes the rest."""
    customer, price = stripe.customer(), stripe.price(1000)
    made = flexible(stripe, customer, price)
    leave(stripe, FULL, customer, subscription=made["id"])
    stripe.later(86_400)
    item = made["items"]["data"][0]["id"]
    changed = stripe.post(
        f"/v1/subscriptions/{made['id']}", items=[{"id": item, "quantity": 2}], proration_behavior="always_invoice"
    )
    assert amounts(stripe, changed["latest_invoice"]) == list(range(248, 0, -1))
    assert left(stripe, customer) == [250, 249]


def test_prorations_on_a_draft_are_counted(stripe: SandboxClient) -> None:
    """SB 3.2: a sent invoice of a change stays a draft, with 2 prorations and 248 items; nothing more fits."""
    customer, price = stripe.customer(), stripe.price(1000)
    made = flexible(stripe, customer, price, collection_method="send_invoice", days_until_due=7)
    leave(stripe, FULL, customer, subscription=made["id"])
    stripe.later(86_400)
    item = made["items"]["data"][0]["id"]
    changed = stripe.post(
        f"/v1/subscriptions/{made['id']}", items=[{"id": item, "quantity": 2}], proration_behavior="always_invoice"
    )
    draft = stripe.get(f"/v1/invoices/{changed['latest_invoice']}")
    assert (draft["status"], draft["lines"]["total_count"]) == ("draft", FULL)
    form = {"customer": customer, "invoice": draft["id"], "amount": 7, "currency": "usd"}
    assert stripe.refused("POST", "/v1/invoiceitems", **form)[1]["param"] == "invoice"


def paused(stripe: SandboxClient, customer: str) -> Obj:
    """Return a paused flexible subscription of 10.00 a month with 5.00 pending."""
    trial = {"missing_payment_method": "pause"}
    more = {"trial_period_days": 1, "trial_settings": {"end_behavior": trial}}
    made = flexible(stripe, customer, stripe.price(1000), **more)
    stripe.later(2 * 86_400)
    assert stripe.get(f"/v1/subscriptions/{made['id']}")["status"] == "paused"
    stripe.post("/v1/invoiceitems", customer=customer, subscription=made["id"], amount=500, currency="usd")
    return made


@pytest.mark.parametrize("card", ["4242", None])
def test_what_is_pending_rides_on_the_invoice_of_resuming(stripe: SandboxClient, card: str | None) -> None:
    """SB 11.5: all pending items ride on every invoice that a flexible subscription makes, one without a source too."""
    customer = stripe.customer(card=None)
    made = paused(stripe, customer)
    if card:
        stripe.give(customer, card)
    resumed = stripe.post(f"/v1/subscriptions/{made['id']}/resume")
    assert stripe.get(f"/v1/invoices/{resumed['latest_invoice']}")["total"] == 1500
    assert left(stripe, customer) == []


def test_what_is_pending_rides_on_the_invoice_of_a_parked_update(stripe: SandboxClient) -> None:
    """SB 11.5: the update waits for its payment; its invoice has the 5.00 that were pending."""
    customer = stripe.customer()
    made = flexible(stripe, customer, stripe.price(1000))
    stripe.give(customer, "0341")
    stripe.post("/v1/invoiceitems", customer=customer, subscription=made["id"], amount=500, currency="usd")
    parked = stripe.post(
        f"/v1/subscriptions/{made['id']}", payment_behavior="pending_if_incomplete",
        items=[{"id": made["items"]["data"][0]["id"], "quantity": 3}], proration_behavior="always_invoice",
    )  # fmt: skip
    assert parked["pending_update"] is not None
    assert amounts(stripe, parked["latest_invoice"]) == [500]
    assert stripe.get(f"/v1/invoices/{parked['latest_invoice']}")["total"] == 2000 + 500
    assert left(stripe, customer) == []
