"""From any world and any mess: applied once, a new plan is empty, foreign things are as they were, nothing is double.

The seed rotates and is printed by ``make test``; TEST_SEED runs a certain one again, TEST_WORLDS how many.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.builder import WorldBuilder
from stripe_sync.core import keys
from stripe_sync.warehouse.snapshots import families
from tests import generated, whole
from tests.house import House

Build = Callable[[WorldBuilder], House]
SEED, WORLDS = int(os.environ.get("TEST_SEED", "1")), int(os.environ.get("TEST_WORLDS", "1"))


def kept(house: House, foreign: dict[str, list[str]], lived: set[str]) -> list[str]:
    """Everything foreign: whole objects, and items, discounts and metadata on ours that lived, sorted texts."""
    price, coupon = foreign["prices"][0], foreign["coupons"][0]
    rows: list[Any] = [
        house.world.stripe[collection][id] | {"times_redeemed": 0} for collection, ids in foreign.items() for id in ids
    ]
    for subscription in house.objects("subscriptions"):
        if subscription["id"] not in lived:
            continue
        items = [i for i in subscription["items"]["data"] if i["price"]["id"] == price]
        discounts = [
            d for d in subscription["discounts"] if house.world.stripe["discounts"][d]["source"]["coupon"] == coupon
        ]
        rows.append([subscription["id"], items, discounts, subscription["metadata"].get("crm")])
    for customer in house.objects("customers"):
        rows.append([customer["id"], customer["phone"], customer["metadata"].get("crm")])
    rows += [[p["id"], p["metadata"].get("erp")] for p in house.objects("products") if "erp" in p["metadata"]]
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def living(house: House) -> set[str]:
    return {s["id"] for s in house.objects("subscriptions") if s["status"] != "canceled"}


def check_no_doubles(house: House) -> None:
    for collection in ("products", "prices", "customers", "coupons"):
        marks = Counter(
            o["metadata"]["stiggSyncKey"] for o in house.objects(collection) if "stiggSyncKey" in o["metadata"]
        )
        assert [mark for mark, n in marks.items() if n > 1] == []
    marks = Counter(s["metadata"]["stiggSyncKey"] for s in house.objects("subscriptions") if s["id"] in living(house))
    assert [mark for mark, n in marks.items() if n > 1] == []
    for subscription in house.objects("subscriptions"):
        sources = [house.world.stripe["discounts"][d]["source"]["coupon"] for d in subscription["discounts"]]
        refs = Counter(keys.coupon_ref(f"coupon:{id}") for id in sources if id.startswith("test:"))
        assert [ref for ref, n in refs.items() if n > 1] == [], "a discount was attached twice"


@pytest.mark.parametrize("number", range(WORLDS))
def test_any_world_and_any_mess_are_in_order_after_one_apply(
    house_of: Build, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = SEED * 1000 + number
    dice, town = random.Random(seed), generated.town_of(seed)
    house = house_of(town)
    house.reconcile()
    assert house.plan().plan.actions == [], f"seed {seed}: the second run had something to do"
    for day in range(2):
        foreign = generated.mess(dice, house)
        lived, customers = living(house), {c["id"] for c in house.objects("customers")}
        before = kept(house, foreign, lived)
        house.reconcile()
        assert house.plan().plan.actions == [], f"seed {seed}, day {day}: after the mess"
        assert (living(house), kept(house, foreign, lived)) == (lived, before), f"seed {seed}, day {day}: the mess"
        generated.change(dice, town)
        house.merge(town)
        if house.reconcile()["results"].get(
            "waiting"
        ):  # an ended subscription's first invoice by e-mail is a draft for an hour
            house.later(2 * 3600)
            house.reconcile()
        assert house.plan().plan.actions == [], f"seed {seed}, day {day}: after changes in Stigg"
        new = {f'["{c["id"]}", ' for c in house.objects("customers") if c["id"] not in customers}
        after = [row for row in kept(house, foreign, lived & living(house)) if not row.startswith(tuple(new) or ("-",))]
        assert set(after) <= set(before), f"seed {seed}, day {day}: something foreign changed"
        check_no_doubles(house)
    for hours in (3, dice.choice((1, 30))):
        house.later(hours * 3600)
        generated.mess(dice, house)
        generated.change(dice, town)
        house.merge(town)
        by_change = house.decision()
        assert whole.in_parts(house) == whole.at_once(house), f"seed {seed}: by what changed, and at once"
        monkeypatch.setattr(families, "AT_ONCE", dice.choice((1, 2, 250)))
        assert by_change == house.decision(full=True), f"seed {seed}: by what changed, and everything in parts"
        assert whole.in_parts(house) == whole.at_once(house), f"seed {seed}: everything in parts, and at once"
        if dice.random() < 0.5:
            house.reconcile()
