"""Values of Stigg that Stripe refuses (F25): the row that has one is an error, what depends on it waits, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.builder import WorldBuilder
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]


def test_an_address_that_stripe_refuses_is_that_customers_error(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.stigg["customers"][1]["email"] = "c2@example"
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("c-2") == ("ERROR", "STRIPE_REFUSED")
    assert harness.status("s-2")[0] in ("ERROR", "PENDING")
    assert [harness.status(id) for id in ("c-1", "s-1", "c-3", "s-3")] == [("SUCCESS", "")] * 4
    harness.stigg("customers", customerId="c-2")["email"] = "c2@example.test"
    harness.reconcile()
    assert [harness.status(id) for id in ("c-2", "s-2")] == [("SUCCESS", "")] * 2


def test_a_percentage_of_three_places_is_that_coupons_error(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.coupon("third", percent=33.333)
    small_world.stigg["subscriptions"][1]["coupons"] = [small_world.applied("third")]
    harness = harness_of(small_world)
    harness.reconcile()
    assert not harness.objects("coupons")
    assert harness.status("s-1") == ("SUCCESS", "")
    assert harness.status("third") == ("ERROR", "STRIPE_REFUSED")
    assert harness.status("s-2")[0] == "PENDING", "without its coupon it would be billed in full"
    assert len(harness.objects("subscriptions")) == 2
