"""Values of Stigg that Stripe refuses (F25): the row that has one is an error, what depends on it waits, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from tests.house import House

Build = Callable[[WorldBuilder], House]


def test_an_address_that_stripe_refuses_is_that_customers_error(house_of: Build, town: WorldBuilder) -> None:
    town.stigg["customers"][1]["email"] = "c2@example"
    house = house_of(town)
    house.reconcile()
    assert house.status("c-2") == ("ERROR", "STRIPE_REFUSED")
    assert house.status("s-2")[0] in ("ERROR", "PENDING")
    assert [house.status(id) for id in ("c-1", "s-1", "c-3", "s-3")] == [("SUCCESS", "")] * 4
    house.stigg("customers", customerId="c-2")["email"] = "c2@example.test"
    house.reconcile()
    assert [house.status(id) for id in ("c-2", "s-2")] == [("SUCCESS", "")] * 2


def test_a_percentage_of_three_places_is_that_coupons_error(house_of: Build, town: WorldBuilder) -> None:
    town.coupon("third", percent=33.333)
    town.stigg["subscriptions"][1]["coupons"] = [town.applied("third")]
    house = house_of(town)
    house.reconcile()
    assert not house.objects("coupons")
    assert house.status("s-1") == ("SUCCESS", "")
    assert house.status("third") == ("ERROR", "STRIPE_REFUSED")
    assert house.status("s-2")[0] == "PENDING", "without its coupon it would be billed in full"
    assert len(house.objects("subscriptions")) == 2
