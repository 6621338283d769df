"""Comparisons of changed partitions give the same result as a comparison of everything.

The seed rotates and is printed by ``make test``; TEST_SEED runs a certain one again, TEST_LIVES how many.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder, flat, uid
from sandbox.world.state import iso
from stripe_sync.core import keys
from stripe_sync.warehouse import runs
from stripe_sync.warehouse.comparisons import links
from stripe_sync.warehouse.snapshots import families
from tests.support import generated, whole
from tests.support.cases import SEED
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
Obj = dict[str, Any]
SEQUENCES = int(os.environ.get("TEST_LIVES", "1"))
HOUR = 3600


def renamed(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    rng.choice(small_world.stigg["customers"])["name"] = f"Renamed {rng.randint(1, 9999)}"


def quantity(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    for part in living(rng, small_world).get("prices", []):
        part |= {"usageLimit": rng.randint(0, 40), "updatedAt": iso(small_world.now)}


def another_payer(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    payer = rng.choice([None, rng.choice(small_world.stigg["customers"])["customerId"]])
    living(rng, small_world)["payingCustomer"] = payer and {"customerId": payer}


def a_billing_id(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    """Set a billing id in Stigg to an object in Stripe, of an entity or of none, or remove it."""
    kind, collection = rng.choice([("customers", "customers"), ("subscriptions", "subscriptions")])
    ids = [o["id"] for o in harness.objects(collection)]
    rng.choice(small_world.stigg[kind])["billingId"] = rng.choice([None, *ids])


def an_old_billing_id(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    ids = [o["id"] for o in harness.objects("subscriptions")]
    rng.choice(small_world.stigg["subscriptions"])["oldBillingId"] = rng.choice([None, *ids])


def an_override(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    row = living(rng, small_world)
    for part in row.get("prices", [])[:1]:
        own = {**flat(rng.choice([11, 12, 13])), "isOverridePrice": True, "feature": part["price"].get("feature")}
        part["price"] = {**own, "id": uid("own", row["subscriptionId"], rng.randint(1, 3))}


def an_end(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    moment = iso(small_world.now + rng.choice([0, 3 * HOUR, 200 * HOUR]))
    row = living(rng, small_world)
    row |= {"cancellationDate": moment, "effectiveEndDate": moment}
    if rng.random() < 0.5:
        row |= {"status": "CANCELED", "cancelReason": rng.choice(["Immediate", "UpgradeOrDowngrade"])}


def a_beginning(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    number = rng.randint(1, 10**6)
    if rng.random() < 0.5:
        small_world.customer(f"n-{number}", f"New {number}")
    generated.subscribe(rng, small_world, f"n-{number}", small_world.stigg["customers"][-1]["customerId"])


def a_status(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    row = living(rng, small_world)
    row["status"] = rng.choice(["IN_TRIAL", "ACTIVE", "PAYMENT_PENDING"])
    row["pricingType"] = rng.choice(["PAID", "PAID", "FREE", "CUSTOM"])


def a_coupon(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    generated.switch_coupon(rng, small_world, living(rng, small_world))


def gone_in_stigg(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    kind = rng.choice(["customers", "subscriptions"])
    small_world.stigg[kind].remove(rng.choice(small_world.stigg[kind]))


def by_hand_in_stripe(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    api = harness.stripe().v1
    customers = [c for c in harness.objects("customers") if not c.get("deleted")]
    if customers and rng.random() < 0.5:
        metadata = rng.choice([{"stiggSync": "ignore"}, {"stiggEntityId": "c-0"}, {"stiggSyncKey": ""}, {"crm": "1"}])
        api.customers.update(rng.choice(customers)["id"], {"name": "By hand", "metadata": metadata})
    alive = [s for s in harness.objects("subscriptions") if s["status"] != "canceled"]
    if alive and rng.random() < 0.5:
        api.subscriptions.cancel(rng.choice(alive)["id"])


def a_link(rng: random.Random, harness: Harness, small_world: WorldBuilder) -> None:
    with harness.engine.begin() as connection:
        known = [key for key in whole.open_links(connection) if keys.owner(key)]
        if known:
            links.end(connection, "test", rng.choice(known), by="a test")


def living(rng: random.Random, small_world: WorldBuilder) -> Obj:
    row: Obj = rng.choice([s for s in small_world.stigg["subscriptions"] if s["status"] == "ACTIVE"] or [{}])
    return row


CHANGES = (renamed, quantity, another_payer, a_billing_id, an_old_billing_id, an_override, an_end, a_beginning, a_status,
           a_coupon, gone_in_stigg, by_hand_in_stripe, a_link)  # fmt: skip


def crowd(rng: random.Random) -> WorldBuilder:
    """A generated catalog with more customers, some of whom pay for others."""
    small_world = generated.world_of_seed(rng.randrange(10**9))
    for number in range(10):
        small_world.customer(f"d-{number}", f"Customer {number}", hasPaymentMethod=rng.random() < 0.3)
        for part in range(rng.randint(0, 2)):
            generated.subscribe(rng, small_world, f"d-{number}-{part}", f"d-{number}")
    for row in small_world.stigg["subscriptions"]:
        if rng.random() < 0.15:
            row["payingCustomer"] = {"customerId": rng.choice(small_world.stigg["customers"])["customerId"]}
    return small_world


@pytest.mark.parametrize("number", range(SEQUENCES))
def test_deciding_what_changed_comes_to_the_same(
    harness_of: Build, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = SEED * 1000 + number
    rng = random.Random(seed)
    small_world = crowd(rng)
    harness = harness_of(small_world)
    harness.change(full_sync_interval_hours=10_000)
    harness.reconcile()
    harness.plan()
    parts = 0
    for step in range(12):
        done = [rng.choice(CHANGES) for _ in range(rng.choice((0, 1, 1, 2, 3)))]
        for change in done:
            change(rng, harness, small_world)
        harness.merge(small_world)
        harness.later(rng.choice((0, HOUR, 30 * HOUR)))
        monkeypatch.setattr(families, "PARTITIONS_PER_BATCH", rng.choice((1, 3, 250)))
        about = f"seed {seed}, step {step}: {[change.__name__ for change in done]}"
        if rng.random() < 0.3:
            harness.reconcile()
        by_change = harness.decision()
        parts += not result(harness)["everything"]
        assert whole.in_parts(harness) == whole.at_once(harness), about
        message, counted = whole.tallies(harness)
        assert message == counted, about
        assert by_change == harness.decision(full=True), about
        assert whole.in_parts(harness) == whole.at_once(harness), about
    assert parts >= 6, f"seed {seed}: {parts} of 12 were decided in parts"


def result(harness: Harness) -> Obj:
    """Return the result of the newest comparison."""
    with harness.engine.connect() as connection:
        id = connection.exec_driver_sql(
            "select run_id from stripe_sync.comparison order by id desc limit 1"
        ).scalar_one()
    return runs.result(harness.engine, "test", id, "compare") or {}


ODD = ["c-1", "a b", "größe", "a:b@c", "💎", "~", "x" * 190, "ada@example.test", "Ünïcode:ß"]


@pytest.mark.parametrize("id", ODD)
def test_the_warehouse_reads_keys_as_the_code_does(harness_of: Build, id: str) -> None:
    """``key_part`` and ``link.owner`` in SQL are ``keys.part`` and ``keys.owner``: whole families depend on it."""
    harness, part = harness_of(WorldBuilder()), keys.part(id)
    slot = keys.price_slot("test", "plan", id, charge="base", period="MONTHLY", country=None)
    own = keys.price_slot("test", "plan", "pro", charge="base", period="MONTHLY", country=None, subscription=id)
    names = [
        keys.link_key("customer", "test", part), keys.link_key("subscription", "test", part),
        keys.link_key("product", keys.product_id("test", "plan", id, "base")), keys.link_key("oneoff", "test", part, "1"),
        keys.link_key("coupon", keys.coupon_id("test", id, "0" * 8)), keys.link_key("renewal", "test", part, "in_1.5"),
        keys.link_key("coupon", keys.own_coupon_id("test", id, id, "0" * 8)), keys.link_key("checkout", "test", part),
        keys.version_key(keys.link_key("price", slot), "0" * 8), keys.version_key(keys.link_key("price", own), "0" * 8),
    ]  # fmt: skip
    with harness.engine.begin() as connection:
        assert connection.exec_driver_sql("select stripe_sync.key_part(%s)", (id,)).scalar_one() == part
        for number, key in enumerate(names):
            links.add(connection, "test", key, f"id_{number}", source="person")
        rows = connection.exec_driver_sql("select key, owner from stripe_sync.link where ended_at is null")
        assert {row.key: row.owner for row in rows} == {key: keys.owner(key) for key in names}
    assert sum(keys.owner(key) == f"subscription:test:{part}" for key in names) == 5
