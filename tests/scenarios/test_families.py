"""What changed is decided anew with whom it belongs to, and comes to what deciding everything at once would come to.

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
from tests import generated, whole
from tests.house import House

Build = Callable[[WorldBuilder], House]
Obj = dict[str, Any]
SEED, LIVES = int(os.environ.get("TEST_SEED", "1")), int(os.environ.get("TEST_LIVES", "1"))
HOUR = 3600


def renamed(dice: random.Random, house: House, town: WorldBuilder) -> None:
    dice.choice(town.stigg["customers"])["name"] = f"Renamed {dice.randint(1, 9999)}"


def quantity(dice: random.Random, house: House, town: WorldBuilder) -> None:
    for part in living(dice, town).get("prices", []):
        part |= {"usageLimit": dice.randint(0, 40), "updatedAt": iso(town.now)}


def another_payer(dice: random.Random, house: House, town: WorldBuilder) -> None:
    payer = dice.choice([None, dice.choice(town.stigg["customers"])["customerId"]])
    living(dice, town)["payingCustomer"] = payer and {"customerId": payer}


def a_billing_id(dice: random.Random, house: House, town: WorldBuilder) -> None:
    """Stigg names some object of Stripe, somebody's or nobody's, or no longer does."""
    kind, collection = dice.choice([("customers", "customers"), ("subscriptions", "subscriptions")])
    ids = [o["id"] for o in house.objects(collection)]
    dice.choice(town.stigg[kind])["billingId"] = dice.choice([None, *ids])


def an_old_billing_id(dice: random.Random, house: House, town: WorldBuilder) -> None:
    ids = [o["id"] for o in house.objects("subscriptions")]
    dice.choice(town.stigg["subscriptions"])["oldBillingId"] = dice.choice([None, *ids])


def an_override(dice: random.Random, house: House, town: WorldBuilder) -> None:
    row = living(dice, town)
    for part in row.get("prices", [])[:1]:
        own = {**flat(dice.choice([11, 12, 13])), "isOverridePrice": True, "feature": part["price"].get("feature")}
        part["price"] = {**own, "id": uid("own", row["subscriptionId"], dice.randint(1, 3))}


def an_end(dice: random.Random, house: House, town: WorldBuilder) -> None:
    moment = iso(town.now + dice.choice([0, 3 * HOUR, 200 * HOUR]))
    row = living(dice, town)
    row |= {"cancellationDate": moment, "effectiveEndDate": moment}
    if dice.random() < 0.5:
        row |= {"status": "CANCELED", "cancelReason": dice.choice(["Immediate", "UpgradeOrDowngrade"])}


def a_beginning(dice: random.Random, house: House, town: WorldBuilder) -> None:
    number = dice.randint(1, 10**6)
    if dice.random() < 0.5:
        town.customer(f"n-{number}", f"New {number}")
    generated.subscribe(dice, town, f"n-{number}", town.stigg["customers"][-1]["customerId"])


def a_status(dice: random.Random, house: House, town: WorldBuilder) -> None:
    row = living(dice, town)
    row["status"] = dice.choice(["IN_TRIAL", "ACTIVE", "PAYMENT_PENDING"])
    row["pricingType"] = dice.choice(["PAID", "PAID", "FREE", "CUSTOM"])


def a_coupon(dice: random.Random, house: House, town: WorldBuilder) -> None:
    generated.switch_coupon(dice, town, living(dice, town))


def gone_in_stigg(dice: random.Random, house: House, town: WorldBuilder) -> None:
    kind = dice.choice(["customers", "subscriptions"])
    town.stigg[kind].remove(dice.choice(town.stigg[kind]))


def by_hand_in_stripe(dice: random.Random, house: House, town: WorldBuilder) -> None:
    api = house.stripe().v1
    customers = [c for c in house.objects("customers") if not c.get("deleted")]
    if customers and dice.random() < 0.5:
        metadata = dice.choice([{"stiggSync": "ignore"}, {"stiggEntityId": "c-0"}, {"stiggSyncKey": ""}, {"crm": "1"}])
        api.customers.update(dice.choice(customers)["id"], {"name": "By hand", "metadata": metadata})
    alive = [s for s in house.objects("subscriptions") if s["status"] != "canceled"]
    if alive and dice.random() < 0.5:
        api.subscriptions.cancel(dice.choice(alive)["id"])


def a_link(dice: random.Random, house: House, town: WorldBuilder) -> None:
    with house.engine.begin() as connection:
        known = [key for key in whole.open_links(connection) if keys.owner(key)]
        if known:
            links.end(connection, "test", dice.choice(known), by="a test")


def living(dice: random.Random, town: WorldBuilder) -> Obj:
    row: Obj = dice.choice([s for s in town.stigg["subscriptions"] if s["status"] == "ACTIVE"] or [{}])
    return row


CHANGES = (renamed, quantity, another_payer, a_billing_id, an_old_billing_id, an_override, an_end, a_beginning, a_status,
           a_coupon, gone_in_stigg, by_hand_in_stripe, a_link)  # fmt: skip


def crowd(dice: random.Random) -> WorldBuilder:
    """A generated catalog with more customers, some of whom pay for others."""
    town = generated.town_of(dice.randrange(10**9))
    for number in range(10):
        town.customer(f"d-{number}", f"Customer {number}", hasPaymentMethod=dice.random() < 0.3)
        for part in range(dice.randint(0, 2)):
            generated.subscribe(dice, town, f"d-{number}-{part}", f"d-{number}")
    for row in town.stigg["subscriptions"]:
        if dice.random() < 0.15:
            row["payingCustomer"] = {"customerId": dice.choice(town.stigg["customers"])["customerId"]}
    return town


@pytest.mark.parametrize("number", range(LIVES))
def test_deciding_what_changed_comes_to_the_same(house_of: Build, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = SEED * 1000 + number
    dice = random.Random(seed)
    town = crowd(dice)
    house = house_of(town)
    house.change(full_read_hours=10_000)
    house.reconcile()
    house.plan()
    parts = 0
    for step in range(12):
        done = [dice.choice(CHANGES) for _ in range(dice.choice((0, 1, 1, 2, 3)))]
        for change in done:
            change(dice, house, town)
        house.merge(town)
        house.later(dice.choice((0, HOUR, 30 * HOUR)))
        monkeypatch.setattr(families, "AT_ONCE", dice.choice((1, 3, 250)))
        about = f"seed {seed}, step {step}: {[change.__name__ for change in done]}"
        if dice.random() < 0.3:
            house.reconcile()
        by_change = house.decision()
        parts += not result(house)["everything"]
        assert whole.in_parts(house) == whole.at_once(house), about
        told, counted = whole.tallies(house)
        assert told == counted, about
        assert by_change == house.decision(full=True), about
        assert whole.in_parts(house) == whole.at_once(house), about
    assert parts >= 6, f"seed {seed}: {parts} of 12 were decided in parts"


def result(house: House) -> Obj:
    """What the newest comparison gave."""
    with house.engine.connect() as connection:
        id = connection.exec_driver_sql("select run_id from comparison order by id desc limit 1").scalar_one()
    return runs.result(house.engine, "test", id, "compare") or {}


ODD = ["c-1", "a b", "größe", "a:b@c", "💎", "~", "x" * 190, "ada@example.test", "Ünïcode:ß"]


@pytest.mark.parametrize("id", ODD)
def test_the_warehouse_reads_keys_as_the_code_does(house_of: Build, id: str) -> None:
    """``key_part`` and ``link.owner`` in SQL are ``keys.part`` and ``keys.owner``: whole families depend on it."""
    house, part = house_of(WorldBuilder()), keys.part(id)
    slot = keys.price_slot("test", "plan", id, charge="base", period="MONTHLY", country=None)
    own = keys.price_slot("test", "plan", "pro", charge="base", period="MONTHLY", country=None, subscription=id)
    names = [
        keys.link_key("customer", "test", part), keys.link_key("subscription", "test", part),
        keys.link_key("product", keys.product_id("test", "plan", id, "base")), keys.link_key("oneoff", "test", part, "1"),
        keys.link_key("coupon", keys.coupon_id("test", id, "0" * 8)), keys.link_key("renewal", "test", part, "in_1.5"),
        keys.link_key("coupon", keys.own_coupon_id("test", id, id, "0" * 8)), keys.link_key("checkout", "test", part),
        keys.version_key(keys.link_key("price", slot), "0" * 8), keys.version_key(keys.link_key("price", own), "0" * 8),
    ]  # fmt: skip
    with house.engine.begin() as connection:
        assert connection.exec_driver_sql("select key_part(%s)", (id,)).scalar_one() == part
        for number, key in enumerate(names):
            links.add(connection, "test", key, f"id_{number}", source="person")
        rows = connection.exec_driver_sql("select key, owner from link where ended_at is null")
        assert {row.key: row.owner for row in rows} == {key: keys.owner(key) for key in names}
    assert sum(keys.owner(key) == f"subscription:test:{part}" for key in names) == 5
