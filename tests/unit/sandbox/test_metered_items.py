"""Metered items of the sandbox that begin in the middle of a period, or before their subscription was made (SB 4.13)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_client import DAY, HOUR, Obj, SandboxClient, sandbox_client

KEPT = {"proration_behavior": "none"}


@pytest.fixture(name="stripe", params=[True, False], ids=["billed", "dropped"])
def _stripe(request: pytest.FixtureRequest) -> Iterator[SandboxClient]:
    with sandbox_client(unknowns={"removed_meter_bills": request.param}) as client:
        yield client


def metered(stripe: SandboxClient, amount: int, meter: str) -> str:
    """Return a price in cents for each unit that the meter counts."""
    product = stripe.post("/v1/products", name="Beam")["id"]
    recurring = {"interval": "month", "usage_type": "metered", "meter": meter}
    return str(
        stripe.post("/v1/prices", product=product, currency="usd", unit_amount=amount, recurring=recurring)["id"]
    )


def meter_of(stripe: SandboxClient) -> str:
    form: Obj = {"display_name": "Beams", "event_name": "beams", "default_aggregation": {"formula": "sum"}}
    return str(stripe.post("/v1/billing/meters", **form)["id"])


def count(stripe: SandboxClient, customer: str, value: int, *, ago: int = 0) -> None:
    """Send the use of some time ago, and wait until it counts."""
    payload = {"stripe_customer_id": customer, "value": str(value)}
    at = stripe.world.now - ago
    stripe.post("/v1/billing/meter_events", event_name="beams", payload=payload, timestamp=at)
    stripe.later(HOUR)


def renewal(stripe: SandboxClient, subscription: str) -> list[tuple[str, int, bool]]:
    """Let the subscription renew; return (quantity, amount, whether it is billed since the period's start) of metered lines."""
    item = stripe.get(f"/v1/subscriptions/{subscription}")["items"]["data"][0]
    stripe.later(item["current_period_end"] - stripe.world.now)
    latest = stripe.get(f"/v1/subscriptions/{subscription}")["latest_invoice"]
    stripe.later(2 * HOUR)
    invoice = stripe.get(f"/v1/invoices/{latest}")
    assert invoice["status"] == "paid"
    begun = item["current_period_start"]
    return [
        (line["quantity_decimal"], line["amount"], line["period"]["start"] == begun)
        for line in invoice["lines"]["data"]
        if line["period"]["end"] == item["current_period_end"]
    ]


def test_an_item_added_in_the_middle_counts_from_then(stripe: SandboxClient) -> None:
    """SB 4.13: 7 before it are on no invoice, 5 after it are; adding it makes no line, and no invoice."""
    customer, meter = stripe.customer(), meter_of(stripe)
    made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": stripe.price(1000)}])
    count(stripe, customer, 7)
    stripe.later(9 * DAY)
    item: Obj = {"price": metered(stripe, 10, meter)}
    changed = stripe.post(f"/v1/subscriptions/{made['id']}", items=[item], proration_behavior="always_invoice")
    assert changed["latest_invoice"] == made["latest_invoice"], "an empty change makes no invoice"
    assert stripe.get("/v1/invoiceitems", customer=customer)["data"] == []
    assert {i["current_period_start"] for i in changed["items"]["data"]} == {stripe.world.now - 9 * DAY - HOUR}
    assert all("counts_from" not in i for i in changed["items"]["data"])
    count(stripe, customer, 5)
    assert renewal(stripe, made["id"]) == [("5", 50, False)]
    count(stripe, customer, 3)
    assert renewal(stripe, made["id"]) == [("3", 30, True)], "the next period is a whole one"


@pytest.mark.parametrize("behavior", [{}, KEPT], ids=["prorated", "none"])
def test_a_price_that_changes_in_the_middle_counts_from_then(stripe: SandboxClient, behavior: Any) -> None:
    """SB 4.11, 4.13, C7: 7 at the old price are billed once or dropped, and never at the new one."""
    customer, meter = stripe.customer(), meter_of(stripe)
    made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": metered(stripe, 10, meter)}])
    count(stripe, customer, 7)
    item: Obj = {"id": made["items"]["data"][0]["id"], "price": metered(stripe, 20, meter)}
    stripe.post(f"/v1/subscriptions/{made['id']}", items=[item], **behavior)
    bills = stripe.world.unknowns["removed_meter_bills"] and not behavior
    pending = stripe.get("/v1/invoiceitems", customer=customer, pending=True)["data"]
    assert [i["amount"] for i in pending] == ([70] if bills else [])
    count(stripe, customer, 5)
    assert renewal(stripe, made["id"]) == [("5", 100, False)]


def test_an_item_that_comes_back_counts_from_its_return(stripe: SandboxClient) -> None:
    """SB 4.11, 4.13: it is a new item, and what was counted between the two is on no invoice."""
    customer, meter = stripe.customer(), meter_of(stripe)
    price = metered(stripe, 10, meter)
    made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": stripe.price(1000)}, {"price": price}])
    count(stripe, customer, 7)
    (gone,) = [i["id"] for i in made["items"]["data"] if i["price"]["id"] == price]
    stripe.post(f"/v1/subscriptions/{made['id']}", items=[{"id": gone, "deleted": True}], **KEPT)
    count(stripe, customer, 100)
    stripe.post("/v1/subscription_items", subscription=made["id"], price=price)
    count(stripe, customer, 5)
    assert renewal(stripe, made["id"]) == [("5", 50, False)]


def test_the_first_invoice_of_a_backdated_one_bills_earlier_use(stripe: SandboxClient) -> None:
    """SB 4.13: 7 of the period that was over, at once; 5 of the running one, with its renewal and from its start."""
    customer, meter = stripe.customer(), meter_of(stripe)
    count(stripe, customer, 7, ago=34 * DAY)
    count(stripe, customer, 5, ago=2 * DAY)
    start = stripe.world.now - 34 * DAY - 3 * HOUR
    form: Obj = {"customer": customer, "items": [{"price": metered(stripe, 10, meter)}], "backdate_start_date": start}
    made = stripe.post("/v1/subscriptions", **form)
    invoice = stripe.get(f"/v1/invoices/{made['latest_invoice']}")
    assert [(line["quantity_decimal"], line["amount"]) for line in invoice["lines"]["data"]] == [("7", 70)]
    assert renewal(stripe, made["id"]) == [("5", 50, True)]
