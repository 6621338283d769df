"""A sandbox and a client over HTTP with Stripe's form encoding, for tests of the behaviour of Stripe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from sandbox.server.run import running
from sandbox.world.state import World, from_document

Obj = dict[str, Any]
NOW = 1_790_000_000  # 2026-09-21T13:33:20Z
HOUR, DAY = 3600, 86_400


def flat(value: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Return the form fields of nested parameters."""
    if isinstance(value, dict):
        return [p for k, v in value.items() for p in flat(v, f"{prefix}[{k}]" if prefix else k)]
    if isinstance(value, list):
        return [p for i, v in enumerate(value) for p in flat(v, f"{prefix}[{i}]")]
    return [(prefix, str(value).lower() if isinstance(value, bool) else str(value))]


@dataclass
class SandboxClient:
    """A sandbox and how to ask it. ``world`` is its state, for what no API can do."""

    world: World
    url: str
    http: httpx.Client

    def send(self, verb: str, path: str, **params: Any) -> tuple[int, Obj]:
        """Send a request; return the status and the body."""
        fields = flat(params)
        form = {"params": fields} if verb != "POST" else {"data": dict(fields)}
        answer = self.http.request(
            verb, f"{self.url}{path}", headers={"Authorization": "Bearer sk_test_sandbox"}, **form
        )
        return answer.status_code, answer.json()

    def post(self, path: str, **params: Any) -> Obj:
        """Return what a POST answers; it has to be accepted."""
        status, body = self.send("POST", path, **params)
        assert status == 200, body
        return body

    def get(self, path: str, **params: Any) -> Obj:
        status, body = self.send("GET", path, **params)
        assert status == 200, body
        return body

    def refused(self, verb: str, path: str, **params: Any) -> tuple[int, Obj]:
        """Return (status, error) of a request that is refused, without what says nothing about behaviour."""
        status, body = self.send(verb, path, **params)
        assert status >= 400, body
        return status, {k: v for k, v in body["error"].items() if k not in ("request_log_url", "doc_url")}

    def later(self, seconds: int) -> None:
        """Let time pass."""
        self.http.post(f"{self.url}/_world/clock", json={"advance": seconds}).raise_for_status()

    def customer(self, card: str | None = "4242", **more: Any) -> str:
        """Return the id of a new customer, with a card as the default unless ``card`` is None."""
        id = str(self.post("/v1/customers", **more)["id"])
        if card is not None:
            self.give(id, card)
        return id

    def give(self, customer: str, card: str) -> str:
        """Give a customer a default card that answers as these four digits do; return its id."""
        method = str(self.post("/v1/payment_methods", type="card", card={"token": "tok_visa"})["id"])
        self.post(f"/v1/payment_methods/{method}/attach", customer=customer)
        self.post(f"/v1/customers/{customer}", invoice_settings={"default_payment_method": method})
        self.world.stripe["payment_methods"][method]["card"]["last4"] = card
        return method

    def price(self, amount: int, currency: str = "usd") -> str:
        """Return the id of a new monthly price, in minor units."""
        product = self.post("/v1/products", name=f"p{amount}")["id"]
        recurring = {"interval": "month"}
        return str(
            self.post("/v1/prices", product=product, unit_amount=amount, currency=currency, recurring=recurring)["id"]
        )

    def invoice(self, customer: str, amount: int | None = 3000, **more: Any) -> Obj:
        """Return a new draft of a customer with one item."""
        draft = self.post("/v1/invoices", customer=customer, currency="usd", **more)
        if amount is not None:
            self.post("/v1/invoiceitems", customer=customer, invoice=draft["id"], amount=amount, currency="usd")
        return self.get(f"/v1/invoices/{draft['id']}")


@contextmanager
def sandbox_client(now: int = NOW, **parts: Any) -> Iterator[SandboxClient]:
    """Yield a sandbox with an empty Stripe account; ``parts`` are those of the world's ``stripe``, and ``unknowns``."""
    stigg = {"environment": {"id": "e", "slug": "e", "displayName": "e", "type": "SANDBOX"}}
    limits = {"account": 0, "endpoint": 0}
    stripe = {"account": {"id": "acct_1ASKED", "default_currency": "usd"}, "limits": limits, **parts}
    unknowns = stripe.pop("unknowns", {})
    world = from_document({"clock": now, "stigg": stigg, "stripe": stripe, "unknowns": unknowns})
    with running(world) as (url, _), httpx.Client(timeout=30, verify=False) as http:
        for _ in range(50):
            try:
                http.get(f"{url}/_world/clock")
                break
            except httpx.ConnectError:
                continue
        yield SandboxClient(world, url, http)
