"""Stripe test clocks: lists of the objects on a clock, and the clock's time.

Stripe's lists leave out objects on a clock unless a parameter names the clock or an object on it. So these lists are
filtered by clock, or read per customer. A clock has at most three customers, so each such list is read completely.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.errors import ConfigurationError, EntityError, FatalError

Get = Callable[..., dict[str, Any]]
Row = dict[str, Any]
PATH = "/v1/test_helpers/test_clocks"
BY_CLOCK = ("/v1/customers", "/v1/subscriptions")
BY_CUSTOMER = (
    "/v1/invoices",
    "/v1/invoiceitems",
    "/v1/credit_notes",
    "/v1/subscription_schedules",
    "/v1/checkout/sessions",
    "/v1/refunds",
    "/v1/charges",
    "/v1/payment_intents",
)
OF_ACCOUNT = ("/v1/products", "/v1/prices", "/v1/coupons", "/v1/events")
OBJECT_FILTERS = ("customer", "subscription", "invoice", "test_clock")
LATEST = from_epoch(2**32)  # no object is created later
WAIT_SECONDS, POLL_SECONDS = 600.0, 0.5


class Reader(Protocol):
    """The part of ``StripeApi`` that a clock needs."""

    def get(self, path: str, /, **params: Any) -> dict[str, Any]: ...


def page(get: Get, clock: str, path: str, /, **params: Any) -> Row:
    """Return one page of a list as an account with only this clock's objects would return it.

    A list of customers' objects is one page, newest first. Objects without a customer are created in the account's time,
    so ``created.gte``, a time of the clock, is not applied to them.
    """
    if path in OF_ACCOUNT and "created" in params:
        created = {name: value for name, value in params.pop("created").items() if name != "gte"}
        return get(path, **params, **({"created": created} if created else {}))
    if path in BY_CLOCK and not any(name in params for name in OBJECT_FILTERS):
        return get(path, **params, test_clock=clock)
    if path in BY_CUSTOMER and not any(name in params for name in OBJECT_FILTERS):
        rows = [row for customer in customers(get, clock) for row in every(get, path, **params, customer=customer)]
        rows.sort(key=lambda row: int(row.get("created") or row.get("date") or 0), reverse=True)
        return {"object": "list", "url": path, "has_more": False, "data": rows}
    return get(path, **params)


def customers(get: Get, clock: str) -> list[str]:
    """Return the ids of the customers on a clock."""
    return [row["id"] for row in every(get, "/v1/customers", test_clock=clock)]


def every(get: Get, path: str, /, **params: Any) -> Iterator[Row]:
    """Yield the rows of all pages of a list."""
    after: dict[str, str] = {}
    while True:
        found = get(path, **(params | {"limit": 100} | after))
        yield from found["data"]
        if not found["has_more"] or not found["data"]:
            return
        after = {"starting_after": found["data"][-1]["id"]}


@dataclass(frozen=True)
class ClockOfAccount:
    """A test clock as the clock of a run."""

    reader: Callable[[], Reader]
    id: str
    account: str

    def now(self) -> datetime:
        """Wait until the clock is ready and return its frozen time, UTC.

        Raises ConfigurationError for a clock that does not exist, FatalError for one that does not become ready in ten minutes.
        """
        ends = time.monotonic() + WAIT_SECONDS
        while (found := self.read())["status"] != "ready":
            if found["status"] == "internal_failure" or time.monotonic() > ends:
                raise FatalError(
                    f"Test clock {self.id} is {found['status']} and does not become ready. Create another test clock."
                )
            time.sleep(POLL_SECONDS)
        return from_epoch(int(found["frozen_time"]))

    def read(self) -> Row:
        """Read the clock."""
        try:
            return self.reader().get(f"{PATH}/{self.id}")
        except EntityError as refused:
            if not refused.is_missing:
                raise
            raise ConfigurationError(
                f"Account {self.account} has no test clock {self.id}. Set test_clock to a clock of this account, or "
                "remove the setting."
            ) from None
