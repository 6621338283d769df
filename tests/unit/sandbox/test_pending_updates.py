"""Updates that wait for their payment in the sandbox (SB 11.2; Stripe's page about pending updates), and ``resume`` (FACTS_A 51)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.sandbox_client import DAY, HOUR, Obj, SandboxClient, sandbox_client

CHEAP, DEAR = 1000, 9000


@pytest.fixture(name="stripe")
def _stripe() -> Iterator[SandboxClient]:
    with sandbox_client() as client:
        yield client


def price(stripe: SandboxClient, amount: int) -> str:
    return str(
        stripe.post(
            "/v1/prices",
            currency="usd",
            unit_amount=amount,
            product_data={"name": "Plan"},
            recurring={"interval": "month"},
        )["id"]
    )


def parked(stripe: SandboxClient, *, days: int = 10) -> tuple[str, Obj]:
    """Return the customer and the subscription whose change to the dear price was declined some days after its start."""
    customer = stripe.customer()
    made = stripe.post("/v1/subscriptions", customer=customer, items=[{"price": price(stripe, CHEAP)}])
    stripe.give(customer, "0341")
    stripe.later(days * DAY)
    return customer, changed(stripe, made)


def changed(stripe: SandboxClient, made: Obj) -> Obj:
    """Ask for the dear price, and only if it is paid."""
    item = {"id": made["items"]["data"][0]["id"], "price": price(stripe, DEAR)}
    return stripe.post(
        f"/v1/subscriptions/{made['id']}", items=[item], proration_behavior="always_invoice",
        payment_behavior="pending_if_incomplete",
    )  # fmt: skip


def read(stripe: SandboxClient, subscription: Obj) -> tuple[int, str, bool]:
    """Return the amount of a subscription's price, its status, and whether an update waits."""
    found = stripe.get(f"/v1/subscriptions/{subscription['id']}")
    return found["items"]["data"][0]["price"]["unit_amount"], found["status"], found["pending_update"] is not None


def events(stripe: SandboxClient) -> set[str]:
    found = stripe.get("/v1/events", limit=100)["data"]
    return {event["type"].rpartition(".")[2] for event in found if "pending_update" in event["type"]}


def test_a_pending_update_is_carried_out_once_its_invoice_is_paid(stripe: SandboxClient) -> None:
    customer, made = parked(stripe)
    assert read(stripe, made) == (CHEAP, "active", True)
    status, error = stripe.refused("POST", f"/v1/invoices/{made['latest_invoice']}/pay")
    assert (status, error["code"]) == (402, "card_declined")
    assert read(stripe, made) == (CHEAP, "active", True), "a second decline changes nothing"
    stripe.later(22 * HOUR)
    assert stripe.get(f"/v1/invoices/{made['latest_invoice']}")["attempt_count"] == 2, "Stripe does not try again"
    stripe.give(customer, "4242")
    assert stripe.post(f"/v1/invoices/{made['latest_invoice']}/pay")["status"] == "paid"
    assert (read(stripe, made), events(stripe)) == ((DEAR, "active", False), {"pending_update_applied"})
    assert stripe.get(f"/v1/subscriptions/{made['id']}")["plan"]["amount"] == DEAR
    stripe.later(25 * DAY)
    renewal = stripe.get(f"/v1/subscriptions/{made['id']}")["latest_invoice"]
    assert stripe.get(f"/v1/invoices/{renewal}")["total"] == DEAR


@pytest.mark.parametrize("way", ["void", "later", "again"])
def test_a_pending_update_that_is_not_paid_is_given_up(stripe: SandboxClient, way: str) -> None:
    _, made = parked(stripe)
    if way == "void":
        stripe.post(f"/v1/invoices/{made['latest_invoice']}/void")
    elif way == "later":
        stripe.later(23 * HOUR)
    else:
        newer = changed(stripe, made)
        assert newer["latest_invoice"] != made["latest_invoice"]
    assert stripe.get(f"/v1/invoices/{made['latest_invoice']}")["status"] == "void"
    assert read(stripe, made) == (CHEAP, "active", way == "again")
    assert events(stripe) == {"pending_update_expired"}


def test_a_pending_update_is_replaced_although_a_newer_invoice_came_between(stripe: SandboxClient) -> None:
    _, made = parked(stripe)
    item = {"id": made["items"]["data"][0]["id"], "quantity": 2}
    between = stripe.post(f"/v1/subscriptions/{made['id']}", items=[item], proration_behavior="always_invoice")
    changed(stripe, made)
    left = [stripe.get(f"/v1/invoices/{row['latest_invoice']}")["status"] for row in (made, between)]
    assert left == ["void", "open"]


def test_a_payment_after_the_cancellation_carries_out_no_update(stripe: SandboxClient) -> None:
    customer, made = parked(stripe)
    stripe.send("DELETE", f"/v1/subscriptions/{made['id']}")
    stripe.give(customer, "4242")
    assert stripe.post(f"/v1/invoices/{made['latest_invoice']}/pay")["status"] == "paid"
    assert read(stripe, made)[:2] == (CHEAP, "canceled")


def test_a_pending_update_ends_with_the_period(stripe: SandboxClient) -> None:
    _, made = parked(stripe, days=29)
    end = made["items"]["data"][0]["current_period_end"]
    assert made["pending_update"]["expires_at"] == min(end, stripe.world.now + 23 * HOUR)
    stripe.later(12 * HOUR)
    made = changed(stripe, made)
    assert made["pending_update"]["expires_at"] == end
    stripe.later(13 * HOUR)
    assert read(stripe, made) == (CHEAP, "active", False)


def test_a_resumed_subscription_begins_once_its_invoice_is_paid(stripe: SandboxClient) -> None:
    """FACTS_A 51: without a source it stays paused, and nothing of its periods changes before the payment."""
    customer = stripe.customer(card=None)
    ends = {"end_behavior": {"missing_payment_method": "pause"}}
    made = stripe.post(
        "/v1/subscriptions", customer=customer, items=[{"price": price(stripe, CHEAP)}], trial_period_days=1,
        trial_settings=ends,
    )  # fmt: skip
    stripe.later(2 * DAY)
    resumed = stripe.post(f"/v1/subscriptions/{made['id']}/resume")
    moment = stripe.world.now
    assert (resumed["status"], resumed["pending_update"]["expires_at"]) == ("paused", moment + 23 * HOUR)
    stripe.later(HOUR)
    stripe.give(customer, "4242")
    stripe.post(f"/v1/invoices/{resumed['latest_invoice']}/pay")
    after = stripe.get(f"/v1/subscriptions/{made['id']}")
    assert (after["status"], after["pending_update"], after["billing_cycle_anchor"]) == ("active", None, moment)
    assert after["items"]["data"][0]["current_period_start"] == moment
