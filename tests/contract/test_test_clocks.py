"""Test clocks of the sandbox, as Stripe's own documents describe them (SB 10.8)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from sandbox.builder import NOW, WorldBuilder
from sandbox.server.run import running
from sandbox.world.state import World, from_document

START = int(datetime(2027, 1, 31, 10, tzinfo=UTC).timestamp())
FEBRUARY = int(datetime(2027, 2, 28, 10, tzinfo=UTC).timestamp())
MARCH = int(datetime(2027, 3, 31, 10, tzinfo=UTC).timestamp())
HOUR = 3600


class Account:
    """A Stripe account as a script sees it; one price of 20.00 a month."""

    def __init__(self, world: World, url: str) -> None:
        self.world = world
        self.api = stripe.StripeClient("sk_test_sandbox", base_addresses={"api": url}, max_network_retries=0)
        self.clocks = self.api.v1.test_helpers.test_clocks
        product = self.api.v1.products.create({"name": "Clockwork"})
        monthly: Any = {"interval": "month"}
        self.price = self.api.v1.prices.create(
            {"product": product.id, "currency": "usd", "unit_amount": 2000, "recurring": monthly}
        )

    def customer(self, clock: str) -> str:
        return self.api.v1.customers.create({"name": "On a clock", "test_clock": clock}).id

    def subscribe(self, customer: str) -> Any:
        return self.api.v1.subscriptions.create(
            {
                "customer": customer,
                "items": [{"price": self.price.id}],
                "collection_method": "send_invoice",
                "days_until_due": 30,
            }
        )

    def advance(self, clock: str, to: int) -> None:
        """Advance a clock and wait until it is ready."""
        assert self.clocks.advance(clock, {"frozen_time": to}).status == "advancing"
        while self.clocks.retrieve(clock).status != "ready":
            pass


@pytest.fixture
def account() -> Iterator[Account]:
    document = WorldBuilder().document()
    document["stripe"]["limits"] = {"account": 0, "endpoint": 0}
    world = from_document(document)
    with running(world) as (url, _):
        yield Account(world, url)


def test_objects_on_a_clock_live_in_its_time(account: Account) -> None:
    """A clock that stands on 31 January renews on 28 February and on 31 March, whatever the account's time is (SB 1.2)."""
    clock = account.clocks.create({"frozen_time": START, "name": "months"})
    assert (clock.status, clock.frozen_time, clock.created, clock.name) == ("ready", START, NOW, "months")
    customer = account.customer(clock.id)
    subscription = account.subscribe(customer)
    assert account.api.v1.customers.retrieve(customer).test_clock == clock.id
    assert (subscription.test_clock, subscription.created) == (clock.id, START)
    assert subscription["items"].data[0].current_period_end == FEBRUARY
    account.advance(clock.id, FEBRUARY + 2 * HOUR)
    account.advance(clock.id, MARCH + 60)
    drafts = account.api.v1.invoices.list({"customer": customer}).data
    assert [(i.created, i.status) for i in drafts[:2]] == [(MARCH, "draft"), (FEBRUARY, "open")]
    assert {i.test_clock for i in drafts} == {clock.id}
    account.advance(clock.id, MARCH + 2 * HOUR)
    assert account.api.v1.invoices.retrieve(drafts[0].id or "").status == "open"
    assert account.world.now == NOW


def test_the_accounts_time_leaves_objects_on_a_clock_alone(account: Account) -> None:
    from sandbox.server.control import Control

    clock = account.clocks.create({"frozen_time": NOW})
    on_clock = account.subscribe(account.customer(clock.id))
    apart = account.subscribe(account.api.v1.customers.create({"name": "Apart"}).id)
    Control(account.world).move(NOW + 32 * 86_400)
    invoices = account.world.stripe["invoices"].values()
    made = {
        s.id: sum(i["parent"]["subscription_details"]["subscription"] == s.id for i in invoices)
        for s in (on_clock, apart)
    }
    assert made == {on_clock.id: 1, apart.id: 2}
    assert on_clock.id not in [s.id for s in account.api.v1.subscriptions.list({"status": "all"}).data]


def test_unscoped_lists_leave_clock_objects_out(account: Account) -> None:
    clock = account.clocks.create({"frozen_time": START})
    customer = account.customer(clock.id)
    subscription = account.subscribe(customer)
    account.api.v1.invoice_items.create({"customer": customer, "amount": 100, "currency": "usd"})
    v1 = account.api.v1
    for everything in (v1.customers, v1.subscriptions, v1.invoices, v1.invoice_items):
        assert everything.list().data == []  # type: ignore[attr-defined]
    assert [c.id for c in v1.customers.list({"test_clock": clock.id}).data] == [customer]
    assert [s.id for s in v1.subscriptions.list({"test_clock": clock.id}).data] == [subscription.id]
    assert len(v1.invoices.list({"customer": customer}).data) == 1
    assert len(v1.invoices.list({"subscription": subscription.id}).data) == 1
    assert len(v1.invoice_items.list({"customer": customer, "pending": True}).data) == 1
    assert v1.subscriptions.retrieve(subscription.id).id == subscription.id


def test_an_advance_is_of_two_intervals_at_most(account: Account) -> None:
    clock = account.clocks.create({"frozen_time": START})
    two_years = int(datetime(2029, 1, 31, 10, tzinfo=UTC).timestamp())
    for wrong in (START, two_years + 1):
        with pytest.raises(stripe.InvalidRequestError):
            account.clocks.advance(clock.id, {"frozen_time": wrong})
    account.subscribe(account.customer(clock.id))
    with pytest.raises(stripe.InvalidRequestError, match="up to two intervals"):
        account.clocks.advance(clock.id, {"frozen_time": MARCH + 1})
    account.advance(clock.id, MARCH)


def test_nothing_on_a_clock_changes_while_it_advances(account: Account) -> None:
    clock = account.clocks.create({"frozen_time": START})
    customer = account.customer(clock.id)
    subscription = account.subscribe(customer)
    answer = account.clocks.advance(clock.id, {"frozen_time": FEBRUARY + 1})
    assert (answer.status, answer.frozen_time) == ("advancing", START)
    assert answer.status_details["advancing"]["target_frozen_time"] == FEBRUARY + 1
    for change in (
        lambda: account.api.v1.subscriptions.update(subscription.id, {"metadata": {"a": "b"}}),
        lambda: account.clocks.advance(clock.id, {"frozen_time": FEBRUARY + 2}),
        lambda: account.clocks.delete(clock.id),
    ):
        with pytest.raises(stripe.RateLimitError, match="advancement underway"):
            change()
    assert account.clocks.retrieve(clock.id).status == "advancing"
    ready = account.clocks.retrieve(clock.id)
    assert (ready.status, ready.frozen_time) == ("ready", FEBRUARY + 1)
    account.api.v1.subscriptions.update(subscription.id, {"metadata": {"a": "b"}})


def test_a_clock_has_three_customers_and_is_deleted_with_them(account: Account) -> None:
    clock = account.clocks.create({"frozen_time": START})
    customers = [account.customer(clock.id) for _ in range(3)]
    with pytest.raises(stripe.InvalidRequestError, match="at most 3 customers"):
        account.customer(clock.id)
    subscription = account.subscribe(customers[0])
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        account.customer("clock_of_another_account")
    assert (unknown.value.code, unknown.value.param) == ("resource_missing", "test_clock")
    assert account.clocks.delete(clock.id).deleted
    assert account.api.v1.customers.retrieve(customers[0]).deleted
    assert account.api.v1.subscriptions.retrieve(subscription.id).status == "canceled"
    assert account.api.v1.invoices.list().data == []
    with pytest.raises(stripe.InvalidRequestError) as gone:
        account.clocks.retrieve(clock.id)
    assert gone.value.http_status == 404
