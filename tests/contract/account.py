"""A Stripe account of the sandbox as a script sees it: requests and answers, and a clock that is moved by hand."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from datetime import UTC, datetime
from typing import Any

from sandbox.world.state import World

Obj = dict[str, Any]


def at(text: str) -> int:
    """Unix seconds of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Stripe's form encoding: ``a[b]``, ``a[0]``."""
    if isinstance(value, dict):
        return [pair for key, inner in value.items() for pair in flat(inner, f"{prefix}[{key}]" if prefix else key)]
    if isinstance(value, list):
        return [pair for index, inner in enumerate(value) for pair in flat(inner, f"{prefix}[{index}]")]
    return [(prefix, str(value).lower() if isinstance(value, bool) else str(value))]


class Refused(Exception):
    """An answer that is not 200; ``error`` is its body's."""

    def __init__(self, status: int, body: Obj) -> None:
        super().__init__(f"{status} {body}")
        self.status = status
        self.error: Obj = body.get("error", {})


class Account:
    """Sends requests to a sandbox."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.url = url
        self.made = 0

    def call(self, method: str, path: str, params: Obj) -> Obj:
        body = urllib.parse.urlencode(flat(params))
        url = self.url + path + (f"?{body}" if body and method != "POST" else "")
        request = urllib.request.Request(url, data=body.encode() if method == "POST" else None, method=method)
        request.add_header("Authorization", "Bearer sk_test_sandbox")
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                found: Obj = json.loads(answer.read())
                return found
        except urllib.error.HTTPError as refused:
            raise Refused(refused.code, json.loads(refused.read())) from None

    def get(self, path: str, **params: Any) -> Obj:
        return self.call("GET", path, params)

    def post(self, path: str, **params: Any) -> Obj:
        return self.call("POST", path, params)

    def delete(self, path: str, **params: Any) -> Obj:
        return self.call("DELETE", path, params)

    def go_to(self, moment: int) -> None:
        """Move the world's clock to a moment; what falls due on the way happens."""
        body = json.dumps({"now": moment}).encode()
        request = urllib.request.Request(f"{self.url}/_world/clock", data=body, method="POST")
        request.add_header("Content-Type", "application/json")
        urllib.request.urlopen(request, timeout=30).read()

    def customer(self, card: str | None = "tok_visa") -> str:
        """Return a customer whose default is a test card, or who has none."""
        self.made += 1
        id = str(self.post("/v1/customers", email=f"payer-{self.made}@example.com")["id"])
        if card:
            self.take_card(id, card)
        return id

    def take_card(self, customer: str, token: str, *, default: bool = True) -> str:
        """Another card of a customer."""
        method = str(self.post("/v1/payment_methods", type="card", card={"token": token})["id"])
        self.post(f"/v1/payment_methods/{method}/attach", customer=customer)
        if default:
            self.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": method})
        return method

    def price(self, amount: int, *, currency: str = "usd", interval: str = "month", **more: Any) -> str:
        """Return a price of a product of its own, per unit unless ``more`` says otherwise."""
        product = self.post("/v1/products", name=more.pop("name", "Lamp"))["id"]
        given = {"unit_amount": amount} if "tiers" not in more else {}
        return str(
            self.post(
                "/v1/prices", product=product, currency=currency, recurring={"interval": interval}, **given, **more
            )["id"]
        )

    def coupon(self, **terms: Any) -> str:
        return str(self.post("/v1/coupons", **terms)["id"])

    def subscribe(self, customer: str, *prices: str, **more: Any) -> Obj:
        """Return a subscription of one of each price."""
        items = more.pop("items", [{"price": price} for price in prices])
        return self.post("/v1/subscriptions", customer=customer, items=items, **more)

    def change(self, subscription: Obj, **params: Any) -> Obj:
        return self.post(f"/v1/subscriptions/{subscription['id']}", **params)

    def swap(self, subscription: Obj, price: str, **params: Any) -> Obj:
        """Return the single item of a subscription at another price."""
        item = subscription["items"]["data"][0]["id"]
        return self.change(subscription, items=[{"id": item, "price": price}], **params)

    def invoice(self, subscription: Obj) -> Obj:
        """Return the latest invoice of a subscription, as it is now."""
        now = self.get(f"/v1/subscriptions/{subscription['id']}")
        return self.get(f"/v1/invoices/{now['latest_invoice']}")

    def amounts(self, invoice: Obj) -> list[int]:
        return [line["amount"] for line in invoice["lines"]["data"]]

    def pending(self, customer: str) -> list[Obj]:
        rows: list[Obj] = self.get("/v1/invoiceitems", customer=customer, pending=True)["data"]
        return rows
