"""The Stripe test account of probe: its objects share one name and are removed after each question."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from stripe_sync.clients.stripe.raw_requests import RawRequests, Refused
from stripe_sync.clients.stripe.test_clock import PATH as CLOCKS
from stripe_sync.domain.model.stripe_status import InvoiceStatus

Obj = dict[str, Any]
NAME = "stripe_sync-probe"
START = 1_798_797_600  # 2027-01-01 10:00 UTC; a clock may have any time, and this month has 31 days
MINUTE, HOUR, DAY = 60, 3600, 86_400
LONGEST_WAIT = 3 * DAY  # how long a draft waits at most: by the account's grace period, or because its webhooks fail
# Paths by kind: these objects are deleted where Stripe allows it, else archived.
DELETED = {
    "clock": CLOCKS,
    "coupon": "/v1/coupons",
    "customer": "/v1/customers",
    "invoice": "/v1/invoices",
    "product": "/v1/products",
}

ARCHIVED = {"price": "/v1/prices", "rate": "/v1/tax_rates"}


@dataclass
class Left:
    """Objects of a probe that were not deleted: archived, or remaining because their removal failed."""

    archived: list[str] = field(default_factory=list)
    remaining: list[str] = field(default_factory=list)
    deleted: int = 0


@dataclass
class Account:
    """The account and the objects of the current question; slow operations are polled ``patience`` times, ``pause`` s apart."""

    requests: RawRequests
    patience: int = 300
    pause: float = 1.0
    made: list[tuple[str, str]] = field(default_factory=list)
    left: Left = field(default_factory=Left)

    def post(self, path: str, /, **params: Any) -> Obj:
        """Send a POST."""
        return self.requests.call("post", path, **params)

    def get(self, path: str, /, **params: Any) -> Obj:
        """Send a GET."""
        return self.requests.call("get", path, **params)

    def make(self, kind: str, path: str, /, **params: Any) -> Obj:
        """Create an object that is removed after the question."""
        found = self.post(path, **params)
        self.made.append((kind, found["id"]))
        return found

    def id(self) -> str:
        """Return a new id."""
        return f"{NAME}-{uuid.uuid4().hex[:10]}"

    def clock(self) -> str:
        """Create a test clock."""
        id: str = self.make("clock", CLOCKS, frozen_time=START, name=NAME)["id"]
        return id

    def advance(self, clock: str, time_reached: int) -> None:
        """Advance a clock to Unix seconds, and wait until it is ready. Raises Refused."""
        self.post(f"{CLOCKS}/{clock}/advance", frozen_time=time_reached)
        for _ in range(self.patience):
            if self.get(f"{CLOCKS}/{clock}")["status"] == "ready":
                return
            time.sleep(self.pause)
        raise Refused(0, "clock_not_ready", "", "", f"{clock} was not ready in time", "")

    def await_final(self, clock: str, id: str) -> None:
        """Advance a clock past the time at which Stripe finalizes an invoice.

        The time is the draft's own, since an account's grace period has up to 72 hours, and then the end of the delay by
        failing webhooks. A draft without a time, or whose finalization failed, is not waited for.
        """
        for is_delayed in (False, True):
            invoice = self.invoice(id)
            moment = invoice["automatically_finalizes_at"]
            if invoice["status"] != InvoiceStatus.DRAFT or not moment or invoice["last_finalization_error"]:
                return
            longest: int = invoice["created"] + LONGEST_WAIT + 2 * HOUR
            self.advance(clock, longest if is_delayed else moment + HOUR)

    def await_renewal(self, clock: str, customer: str, renews_at: int) -> None:
        """Advance a clock past a renewal (Unix seconds) and the finalization of the invoice that it makes."""
        self.advance(clock, renews_at + MINUTE)
        self.await_final(clock, self.invoices(customer)[0]["id"])

    def customer(self, clock: str = "", **more: Any) -> str:
        """Create a customer; with a clock, it is deleted together with the clock."""
        given = {"name": NAME, "email": "probe@example.com"} | ({"test_clock": clock} if clock else {}) | more
        if clock:
            return str(self.post("/v1/customers", **given)["id"])
        return str(self.make("customer", "/v1/customers", **given)["id"])

    def price(self, amount: int = 1000, *, interval: str = "month", **more: Any) -> str:
        """Create a product and its recurring price; ``amount`` in US cents unless ``currency`` is given."""
        product = self.make("product", "/v1/products", name=NAME, tax_code="txcd_10103001")["id"]
        recurring = {"interval": interval} | more.pop("recurring", {})
        given = {"product": product, "currency": "usd", "unit_amount": amount, "recurring": recurring}
        id: str = self.make("price", "/v1/prices", **given | more)["id"]
        return id

    def item(self, customer: str, amount: int, *, currency: str = "usd", **more: Any) -> Obj:
        """Create a product and an invoice item of it; ``amount`` in minor units."""
        product = self.make("product", "/v1/products", name=NAME)["id"]
        price = {"product": product, "currency": currency, "unit_amount": amount}
        return self.post("/v1/invoiceitems", customer=customer, price_data=price, quantity=1, **more)

    def subscription(self, customer: str, *items: Obj, **more: Any) -> Obj:
        """Create a subscription in flexible mode that sends invoices and so needs no card."""
        terms: Obj = {"collection_method": "send_invoice", "days_until_due": 30, "billing_mode": {"type": "flexible"}}
        return self.post("/v1/subscriptions", customer=customer, items=list(items), **terms | more)

    def invoices(self, customer: str) -> list[Obj]:
        """Return a customer's invoices, newest first."""
        return list(self.requests.rows("/v1/invoices", customer=customer))

    def pending(self, customer: str) -> list[Obj]:
        """Return a customer's invoice items that are on no invoice."""
        return list(self.requests.rows("/v1/invoiceitems", customer=customer, pending=True))

    def invoice(self, id: str) -> Obj:
        """Read an invoice."""
        return self.get(f"/v1/invoices/{id}")

    def clear(self) -> None:
        """Remove the question's objects, newest first; objects that cannot be deleted are archived, failures are listed."""
        while self.made:
            kind, id = self.made.pop()
            try:
                self.remove(kind, id)
            except Refused as refused:
                self.left.remaining.append(f"{kind} {id}: {refused}")

    def remove(self, kind: str, id: str) -> None:
        """Delete an object, or archive it: Stripe does not delete prices, products with a price, and meters."""
        if kind in ARCHIVED:
            self.post(f"{ARCHIVED[kind]}/{id}", active=False)
        elif kind == "meter":
            self.post(f"/v1/billing/meters/{id}/deactivate")
        elif self.is_deleted(f"{DELETED[kind]}/{id}", archivable=kind == "product"):
            self.left.deleted += 1
            return
        else:
            self.post(f"/v1/products/{id}", active=False)
        self.left.archived.append(f"{kind} {id}")

    def is_deleted(self, path: str, *, archivable: bool) -> bool:
        """Delete an object; return False where Stripe refuses and it can be archived, such as a product with a price."""
        try:
            self.requests.call("delete", path)
        except Refused as refused:
            if archivable and refused.status == 400:
                return False
            raise
        return True


def period_end(subscription: Obj) -> int:
    """Return the end of the current period of a subscription's first item, Unix seconds."""
    end: int = subscription["items"]["data"][0]["current_period_end"]
    return end
