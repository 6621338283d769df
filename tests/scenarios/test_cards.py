"""The card of a new subscription where only the customer's other subscriptions have one (BILLING 5, SB 12.2 and 12.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from sandbox.world.state import Obj
from stripe_sync.warehouse.comparisons import statuses
from tests.house import House

Build = Callable[[WorldBuilder], House]


def billed(house: House, id: str) -> Obj:
    (found,) = [s for s in house.objects("subscriptions") if s["metadata"].get("stiggEntityId") == id]
    return found


def card(house: House, id: str, customer: str, **more: Any) -> str:
    """Put a card into Stripe that is attached to a customer and no default of it."""
    builder = WorldBuilder(house.world.now)
    builder.stripe_customer(id)
    (method,) = builder.stripe["payment_methods"]
    kept = {"exp_month": 12, "exp_year": 2030, "fingerprint": id} | more.pop("card", {})
    house.world.put("payment_methods", method | {"id": id, "customer": customer, "card": method["card"] | kept} | more)
    return id


def second(house_of: Build, town: WorldBuilder) -> House:
    """A house whose customer c-1 has s-1, and wants s-new, charged automatically, without a default payment method."""
    house = house_of(town)
    house.reconcile()
    town.subscription("s-new", "c-1", "pro", units={"seats": 1}, method="CHARGE", resource={"resourceId": "second"})
    house.merge(town)
    return house


def give(house: House, subscription: str, method: str) -> None:
    """Make a payment method a subscription's own, as Checkout does."""
    billed(house, subscription)["default_payment_method"] = method


def test_the_one_card_of_another_subscription_pays_the_new_one(house_of: Build, town: WorldBuilder) -> None:
    """SB 12.3: a creation takes the customer's default alone; a card from Checkout is the subscription's (SB 12.2)."""
    house = second(house_of, town)
    give(house, "s-1", card(house, "pm_checkout", billed(house, "s-1")["customer"]))
    house.reconcile()
    assert house.status("s-new") == ("SUCCESS", "")
    found = billed(house, "s-new")
    assert found["default_payment_method"] == "pm_checkout"
    invoice = house.world.stripe["invoices"][found["latest_invoice"]]
    assert (invoice["status"], invoice["total"]) == ("paid", 2_500), "20.00 and 1 seat at 5.00"
    assert house.plan().plan.actions == []


@pytest.mark.parametrize("what", ["expired", "detached", "bank debit", "another customer's", "ended"])
def test_a_card_that_cannot_be_charged_is_not_sent(house_of: Build, town: WorldBuilder, what: str) -> None:
    house = second(house_of, town)
    bent: dict[str, Any] = {
        "expired": {"card": {"exp_month": 10, "exp_year": 2026}},  # it is 16 November 2026
        "detached": {"customer": "cus_of_nobody"},
        "bank debit": {"type": "us_bank_account"},
    }.get(what, {})
    if what == "another customer's":
        give(house, "s-2", card(house, "pm_other", billed(house, "s-2")["customer"]))
    else:
        given = {"customer": billed(house, "s-1")["customer"]} | bent
        give(house, "s-1", card(house, "pm_checkout", **given))
    if what == "ended":
        billed(house, "s-1")["status"] = "canceled"
    house.reconcile()
    assert house.status("s-new") == ("PENDING", "NO_PAYMENT_METHOD")


def test_a_card_is_good_until_its_month_ends(house_of: Build, town: WorldBuilder) -> None:
    house = second(house_of, town)
    customer = billed(house, "s-1")["customer"]
    give(house, "s-1", card(house, "pm_checkout", customer, card={"exp_month": 11, "exp_year": 2026}))
    house.reconcile()
    assert house.status("s-new") == ("SUCCESS", "")


@pytest.mark.parametrize("same", [False, True])
def test_several_cards_are_a_persons_choice(house_of: Build, town: WorldBuilder, same: bool) -> None:
    """Two cards: nobody can know which one. One card that was saved twice is one card."""
    town.subscription("s-4", "c-1", "pro", units={"seats": 1}, resource={"resourceId": "fourth"})
    house = second(house_of, town)
    customer = billed(house, "s-1")["customer"]
    give(house, "s-1", card(house, "pm_one", customer))
    give(house, "s-4", card(house, "pm_two", customer, card={"fingerprint": "pm_one"} if same else {}))
    house.reconcile()
    expected = ("SUCCESS", "") if same else ("PENDING", "SEVERAL_PAYMENT_METHODS")
    assert house.status("s-new") == expected
    if not same:
        (found,) = [s for s in statuses.find(house.engine, "test", "s-new") if s.kind == "subscription"]
        assert "2 cards" in found.detail


def test_the_customers_own_default_goes_first(house_of: Build, town: WorldBuilder) -> None:
    house = second(house_of, town)
    customer = billed(house, "s-1")["customer"]
    give(house, "s-1", card(house, "pm_checkout", customer))
    own = card(house, "pm_own", customer)
    house.stripe().v1.customers.update(customer, {"invoice_settings": {"default_payment_method": own}})
    house.reconcile()
    assert house.status("s-new") == ("SUCCESS", "")
    assert billed(house, "s-new")["default_payment_method"] is None
