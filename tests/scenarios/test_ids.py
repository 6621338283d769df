"""Ids that the pipeline chooses: Stripe takes letters, digits, ``-`` and ``_`` (SB 9.1), whatever Stigg's ids hold."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sandbox.builder import WorldBuilder, flat, per_unit
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
LONG = "größe/" + "x" * 180
WIDE = "料金" * 90


@pytest.mark.parametrize("ref", ["a:b", "a.b", "a~2Fb", "a--b", "-a", "a_b", "ä-ß", LONG, WIDE])
def test_every_reference_is_accepted(harness_of: Build, ref: str) -> None:
    world = WorldBuilder()
    seats = f"seats{ref}"[:250]
    world.product("acme", "Acme")
    world.feature(seats, "Seats")
    world.plan(ref, "Pro", [flat(20), per_unit(seats, 5)])
    world.customer(f"c{ref}", "Customer", "c@example.test")
    world.coupon(f"K{ref}", percent=50)
    row = world.subscription(f"s{ref}", f"c{ref}", ref, units={seats: 2})
    row["coupons"] = [world.applied(f"K{ref}")]
    harness = harness_of(world)
    harness.reconcile()
    assert harness.status(f"s{ref}") == ("SUCCESS", "")
    # (20 + 2 x 5) less 50 %
    assert [i["total"] for i in harness.objects("invoices")] == [1500]
    chosen = [o["id"] for collection in ("products", "coupons") for o in harness.objects(collection)]
    assert len(chosen) == 4 and all(re.fullmatch(r"[A-Za-z0-9_-]{1,120}", id) for id in chosen)
    assert harness.plan().plan.actions == []


def test_references_that_differ_in_punctuation_alone_stay_apart(harness_of: Build) -> None:
    world = WorldBuilder()
    world.product("acme", "Acme")
    for ref in ("a-b", "a_b", "a.b", "a:b", "a--b"):
        world.plan(ref, f"Plan {ref}", [flat(20)])
    harness = harness_of(world)
    harness.reconcile()
    assert len(harness.objects("products")) == 10, "a product for each plan and each charge"
    assert harness.plan().plan.actions == []


def test_a_longer_id_is_an_error_with_the_way_out(harness_of: Build, small_world: WorldBuilder) -> None:
    small_world.customer("c" * 201, "Long", "long@example.test")
    small_world.subscription("s-long", "c" * 201, "pro", units={"seats": 1})
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.status("s-long") == ("ERROR", "QUARANTINED")
    assert harness.status("s-1") == ("SUCCESS", "")
