"""The prices, currencies, cursors and events of invoice items and drafts (FACTS_A, FACTS_B; SB 11.12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.sandbox_client import SandboxClient, sandbox_client
from tests.unit.sandbox.test_drafts import renewed

ONE_CURRENCY = (
    "You cannot combine currencies on a single customer. This customer has an active subscription, subscription schedule, "
    "discount, quote, invoice item or active subscription mode checkout session with currency usd."
)


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def price_of(item: dict[str, Any]) -> tuple[str, str]:
    """Return the (price, product) of an invoice item or a line."""
    details = item["pricing"]["price_details"]
    return details["price"], details["product"]


def item(stripe: SandboxClient, customer: str, amount: int, currency: str = "usd", **more: Any) -> dict[str, Any]:
    """Return a new invoice item of a bare amount."""
    return stripe.post("/v1/invoiceitems", customer=customer, amount=amount, currency=currency, **more)


def test_hidden_prices_and_their_product_are_used_again(stripe: SandboxClient) -> None:
    """FACTS_B 19, 20: one product of the account; only an amount that never was gets a new price."""
    customer = stripe.customer()
    first = price_of(item(stripe, customer, 700, description="one"))
    again = price_of(item(stripe, stripe.customer(), 700, description="two"))
    other = price_of(item(stripe, customer, 888))
    euros = price_of(item(stripe, stripe.customer(), 700, "eur"))
    assert first == again
    assert len({first[0], other[0], euros[0]}) == 3
    assert {first[1], other[1], euros[1]} == {first[1]}
    draft = stripe.post("/v1/invoices", customer=customer)["id"]
    lines = [{"amount": 700, "description": "a"}, {"amount": 5}]
    newest = stripe.post(f"/v1/invoices/{draft}/add_lines", lines=lines)["lines"]["data"]
    assert [line["amount"] for line in newest] == [5, 700]  # SB 3.9
    assert price_of(newest[1]) == first
    assert price_of(stripe.post(f"/v1/invoices/{draft}/lines/{newest[0]['id']}", amount=888)) == other


def test_an_inline_price_of_another_tax_behavior_is_another_price(stripe: SandboxClient) -> None:
    """FACTS_B 20 (inferred there): product, currency, amount and tax behaviour make a hidden price."""
    customer, product = stripe.customer(), stripe.post("/v1/products", name="Setup")["id"]
    data = {"currency": "usd", "product": product, "unit_amount_decimal": "12.5"}
    behaviors = ({}, {}, {"tax_behavior": "exclusive"})
    made = [stripe.post("/v1/invoiceitems", customer=customer, price_data=data | more) for more in behaviors]
    prices = [price_of(row) for row in made]
    assert prices[0] == prices[1] != prices[2]
    assert {row[1] for row in prices} == {product}


def test_a_customer_has_one_currency(stripe: SandboxClient) -> None:
    """SB 11.12: an item, an invoice and a line in another currency are refused."""
    customer = stripe.customer()
    draft = stripe.invoice(customer)["id"]
    refused = {"type": "invalid_request_error", "message": ONE_CURRENCY, "param": "currency"}
    more = {"customer": customer, "currency": "eur"}
    assert stripe.refused("POST", "/v1/invoiceitems", amount=5, **more) == (400, refused)
    assert stripe.refused("POST", "/v1/invoices", **more) == (400, refused)
    product = stripe.post("/v1/products", name="Setup")["id"]
    line = {"price_data": {"currency": "eur", "product": product, "unit_amount": 5}}
    assert stripe.refused("POST", f"/v1/invoices/{draft}/add_lines", lines=[line])[0] == 400
    assert stripe.get("/v1/invoiceitems", customer=customer, pending=True)["data"] == []


def test_the_first_invoice_sets_the_currency(stripe: SandboxClient) -> None:
    """FACTS_B 65, SB 11.12: null until then; without ``currency`` the pending items say it, and ``include`` takes those alone."""
    customer = stripe.customer()
    item(stripe, customer, 300)
    item(stripe, customer, 500, "eur")
    assert stripe.get(f"/v1/customers/{customer}")["currency"] is None
    draft = stripe.post("/v1/invoices", customer=customer, pending_invoice_items_behavior="include")
    assert (draft["currency"], draft["total"]) == ("eur", 500)
    assert stripe.get(f"/v1/customers/{customer}")["currency"] == "eur"
    assert stripe.post("/v1/invoices", customer=customer)["currency"] == "eur"
    waiting = stripe.get("/v1/invoiceitems", customer=customer, pending=True)["data"]
    assert [(row["amount"], row["currency"]) for row in waiting] == [(300, "usd")]


def test_a_renewal_leaves_items_of_another_currency(stripe: SandboxClient) -> None:
    """SB 11.12: 1000 of the price and 50 of the item in its currency; the 70 yen wait."""
    customer = stripe.customer()
    item(stripe, customer, 70, "jpy")
    price = stripe.price(1000)
    subscription = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": price}])["id"]
    item(stripe, customer, 50)
    draft = renewed(stripe, subscription)
    assert (draft["total"], {line["currency"] for line in draft["lines"]["data"]}) == (1050, {"usd"})
    waiting = stripe.get("/v1/invoiceitems", customer=customer, pending=True)["data"]
    assert [row["amount"] for row in waiting] == [70]


def previous(stripe: SandboxClient, type: str) -> dict[str, Any]:
    """Return the ``previous_attributes`` of the newest event of a type."""
    found: dict[str, Any] = stripe.get("/v1/events", type=type)["data"][0]["data"]["previous_attributes"]
    return found


def test_events_tell_the_values_before_and_nothing_internal(stripe: SandboxClient) -> None:
    """FACTS_B 98: the changed keys alone, of a balance and of a renewal too; no key that the object does not show."""
    customer = stripe.customer()
    stripe.post(f"/v1/customers/{customer}/balance_transactions", amount=-30, currency="usd")
    stripe.post(f"/v1/customers/{customer}/balance_transactions", amount=-20, currency="usd")
    assert previous(stripe, "customer.updated") == {"balance": -30}
    draft = stripe.invoice(customer, 3000)["id"]
    stripe.post(f"/v1/invoices/{draft}/finalize", auto_advance=True)
    stripe.post(f"/v1/invoices/{draft}", auto_advance=False)
    attributes = [
        row["data"]["previous_attributes"] for row in stripe.get("/v1/events", type="invoice.updated")["data"]
    ]
    shown = stripe.get(f"/v1/invoices/{draft}").keys()
    assert attributes[0]["auto_advance"] is True
    assert [key for row in attributes for key in row if key not in shown] == []
    price = stripe.price(1000)
    subscription = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": price}])
    renewed(stripe, subscription["id"])
    assert previous(stripe, "customer.subscription.updated")["items"] == {"data": subscription["items"]["data"]}


def test_what_was_deleted_is_still_a_cursor(stripe: SandboxClient) -> None:
    """FACTS_B 111: drafts, the items that went with them, and the items of removed lines."""
    customer = stripe.customer()
    drafts = [stripe.post("/v1/invoices", customer=customer)["id"] for _ in range(3)]
    items = [item(stripe, customer, amount, invoice=drafts[1])["id"] for amount in (1, 2, 3)]
    line = stripe.get(f"/v1/invoices/{drafts[1]}")["lines"]["data"][1]
    removed = line["parent"]["invoice_item_details"]["invoice_item"]
    lines = [{"id": line["id"], "behavior": "delete"}]
    stripe.post(f"/v1/invoices/{drafts[1]}/remove_lines", lines=lines)
    assert (removed, page(stripe, "invoiceitems", items[1])) == (items[1], [items[0]])
    other = item(stripe, customer, 4)["id"]
    assert stripe.send("DELETE", f"/v1/invoices/{drafts[1]}")[0] == 200
    assert page(stripe, "invoices", drafts[1]) == [drafts[0]]
    assert page(stripe, "invoiceitems", items[2]) == []
    newer = stripe.get("/v1/invoiceitems", ending_before=items[0])["data"]
    assert [row["id"] for row in newer] == [other]


def page(stripe: SandboxClient, collection: str, cursor: str) -> list[str]:
    """Return the ids of the page after a cursor."""
    return [row["id"] for row in stripe.get(f"/v1/{collection}", starting_after=cursor)["data"]]


@pytest.mark.parametrize("path", ["/v1/invoices", "/v1/invoiceitems"])
def test_a_customer_is_needed(stripe: SandboxClient, path: str) -> None:
    """FACTS_A 63."""
    error = {"type": "invalid_request_error", "message": "Missing required param: customer.", "param": "customer",
             "code": "parameter_missing"}  # fmt: skip
    assert stripe.refused("POST", path, currency="usd") == (400, error)


def test_an_unknown_invoice_is_no_filter(stripe: SandboxClient) -> None:
    """FACTS_A 60."""
    status, error = stripe.refused("GET", "/v1/invoiceitems", invoice="in_unwritten")
    assert (status, error["code"], error["param"]) == (400, "resource_missing", "invoice")
    assert error["message"] == "No such invoice: 'in_unwritten'"


def test_a_due_date_is_given_once(stripe: SandboxClient) -> None:
    """FACTS_B 48, 49 tell of one or the other; the words of the refusal of both are assumed."""
    both = {"due_date": stripe.world.now + 9, "days_until_due": 1}
    sent = {"customer": stripe.customer(), "collection_method": "send_invoice"}
    status, error = stripe.refused("POST", "/v1/invoices", **sent, **both)
    assert (status, error["message"]) == (
        400,
        "You may only specify one of these parameters: due_date, days_until_due.",
    )
    draft = stripe.post("/v1/invoices", days_until_due=1, **sent)["id"]
    assert stripe.refused("POST", f"/v1/invoices/{draft}", **both)[0] == 400
