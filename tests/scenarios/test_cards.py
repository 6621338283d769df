"""The card of a new subscription where only the customer's other subscriptions have one (BILLING 5, SB 12.2 and 12.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Obj
from stripe_sync.warehouse.comparisons import statuses
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def billed(harness: Harness, id: str) -> Obj:
    (found,) = [s for s in harness.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def card(harness: Harness, id: str, customer: str, **more: Any) -> str:
    """Put a card into Stripe that is attached to a customer and no default of it."""
    builder = WorldBuilder(harness.world.now)
    builder.stripe_customer(id)
    (method,) = builder.stripe["payment_methods"]
    kept = {"exp_month": 12, "exp_year": 2030, "fingerprint": id} | more.pop("card", {})
    harness.world.put(
        "payment_methods", method | {"id": id, "customer": customer, "card": method["card"] | kept} | more
    )
    return id


def second(harness_of: Build, small_world: WorldBuilder) -> Harness:
    """A harness whose customer c-1 has s-1, and wants s-new, charged automatically, without a default payment method."""
    harness = harness_of(small_world)
    harness.reconcile()
    small_world.subscription(
        "s-new", "c-1", "pro", units={"seats": 1}, method="CHARGE", resource={"resourceId": "second"}
    )
    harness.merge(small_world)
    return harness


def give(harness: Harness, subscription: str, method: str) -> None:
    """Make a payment method a subscription's own, as Checkout does."""
    billed(harness, subscription)["default_payment_method"] = method


def test_the_one_card_of_another_subscription_pays_the_new_one(harness_of: Build, small_world: WorldBuilder) -> None:
    """SB 12.3: a creation takes the customer's default alone; a card from Checkout is the subscription's (SB 12.2)."""
    harness = second(harness_of, small_world)
    give(harness, "s-1", card(harness, "pm_checkout", billed(harness, "s-1")["customer"]))
    harness.reconcile()
    assert harness.status("s-new") == ("SUCCESS", "")
    found = billed(harness, "s-new")
    assert found["default_payment_method"] == "pm_checkout"
    invoice = harness.world.stripe["invoices"][found["latest_invoice"]]
    assert (invoice["status"], invoice["total"]) == ("paid", 2_500), "20.00 and 1 seat at 5.00"
    assert harness.plan().plan.actions == []


@pytest.mark.parametrize("what", ["expired", "detached", "bank debit", "another customer's", "ended"])
def test_a_card_that_cannot_be_charged_is_not_sent(harness_of: Build, small_world: WorldBuilder, what: str) -> None:
    harness = second(harness_of, small_world)
    bent: dict[str, Any] = {
        "expired": {"card": {"exp_month": 10, "exp_year": 2026}},  # it is 16 November 2026
        "detached": {"customer": "cus_of_nobody"},
        "bank debit": {"type": "us_bank_account"},
    }.get(what, {})
    if what == "another customer's":
        give(harness, "s-2", card(harness, "pm_other", billed(harness, "s-2")["customer"]))
    else:
        given = {"customer": billed(harness, "s-1")["customer"]} | bent
        give(harness, "s-1", card(harness, "pm_checkout", **given))
    if what == "ended":
        billed(harness, "s-1")["status"] = "canceled"
    harness.reconcile()
    assert harness.status("s-new") == ("PENDING", "NO_PAYMENT_METHOD")


def test_a_card_is_good_until_its_month_ends(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = second(harness_of, small_world)
    customer = billed(harness, "s-1")["customer"]
    give(harness, "s-1", card(harness, "pm_checkout", customer, card={"exp_month": 11, "exp_year": 2026}))
    harness.reconcile()
    assert harness.status("s-new") == ("SUCCESS", "")


@pytest.mark.parametrize("same", [False, True])
def test_several_cards_are_a_persons_choice(harness_of: Build, small_world: WorldBuilder, same: bool) -> None:
    """Two cards: it is unknown which one. One card that was saved twice is one card."""
    small_world.subscription("s-4", "c-1", "pro", units={"seats": 1}, resource={"resourceId": "fourth"})
    harness = second(harness_of, small_world)
    customer = billed(harness, "s-1")["customer"]
    give(harness, "s-1", card(harness, "pm_one", customer))
    give(harness, "s-4", card(harness, "pm_two", customer, card={"fingerprint": "pm_one"} if same else {}))
    harness.reconcile()
    expected = ("SUCCESS", "") if same else ("PENDING", "SEVERAL_PAYMENT_METHODS")
    assert harness.status("s-new") == expected
    if not same:
        (found,) = [s for s in statuses.find(harness.engine, "test", "s-new") if s.kind == "subscription"]
        assert "2 cards" in found.detail


def test_the_customers_own_default_goes_first(harness_of: Build, small_world: WorldBuilder) -> None:
    harness = second(harness_of, small_world)
    customer = billed(harness, "s-1")["customer"]
    give(harness, "s-1", card(harness, "pm_checkout", customer))
    own = card(harness, "pm_own", customer)
    harness.stripe().v1.customers.update(customer, {"invoice_settings": {"default_payment_method": own}})
    harness.reconcile()
    assert harness.status("s-new") == ("SUCCESS", "")
    assert billed(harness, "s-new")["default_payment_method"] is None
