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
from tests.support import generated, whole
from tests.support.cases import SEED
from tests.support.harness import Harness

Build = Callable[[WorldBuilder], Harness]
WORLDS = int(os.environ.get("TEST_WORLDS", "1"))


def kept(harness: Harness, foreign: dict[str, list[str]], lived: set[str]) -> list[str]:
    """Everything foreign: whole objects, and items, discounts and metadata on ours that lived, sorted texts."""
    price, coupon = foreign["prices"][0], foreign["coupons"][0]
    rows: list[Any] = [
        harness.world.stripe[collection][id] | {"times_redeemed": 0}
        for collection, ids in foreign.items()
        for id in ids
    ]
    for subscription in harness.objects("subscriptions"):
        if subscription["id"] not in lived:
            continue
        items = [i for i in subscription["items"]["data"] if i["price"]["id"] == price]
        discounts = [
            d for d in subscription["discounts"] if harness.world.stripe["discounts"][d]["source"]["coupon"] == coupon
        ]
        rows.append([subscription["id"], items, discounts, subscription["metadata"].get("crm")])
    for customer in harness.objects("customers"):
        rows.append([customer["id"], customer["phone"], customer["metadata"].get("crm")])
    rows += [[p["id"], p["metadata"].get("erp")] for p in harness.objects("products") if "erp" in p["metadata"]]
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def living(harness: Harness) -> set[str]:
    return {s["id"] for s in harness.objects("subscriptions") if s["status"] != "canceled"}


def check_no_doubles(harness: Harness) -> None:
    for collection in ("products", "prices", "customers", "coupons"):
        markers = Counter(
            o["metadata"]["stiggSyncKey"] for o in harness.objects(collection) if "stiggSyncKey" in o["metadata"]
        )
        assert [mark for mark, n in markers.items() if n > 1] == []
    markers = Counter(
        s["metadata"]["stiggSyncKey"] for s in harness.objects("subscriptions") if s["id"] in living(harness)
    )
    assert [mark for mark, n in markers.items() if n > 1] == []
    for subscription in harness.objects("subscriptions"):
        sources = [harness.world.stripe["discounts"][d]["source"]["coupon"] for d in subscription["discounts"]]
        refs = Counter(keys.coupon_ref(f"coupon:{id}") for id in sources if id.startswith("test:"))
        assert [ref for ref, n in refs.items() if n > 1] == [], "a discount was attached twice"


@pytest.mark.parametrize("number", range(WORLDS))
def test_any_world_and_any_mess_are_in_order_after_one_apply(
    harness_of: Build, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed = SEED * 1000 + number
    rng, small_world = random.Random(seed), generated.world_of_seed(seed)
    harness = harness_of(small_world)
    harness.reconcile()
    assert harness.plan().plan.actions == [], f"seed {seed}: the second run had something to do"
    for day in range(2):
        foreign = generated.mess(rng, harness)
        lived, customers = living(harness), {c["id"] for c in harness.objects("customers")}
        before = kept(harness, foreign, lived)
        harness.reconcile()
        assert harness.plan().plan.actions == [], f"seed {seed}, day {day}: after the mess"
        assert (living(harness), kept(harness, foreign, lived)) == (lived, before), f"seed {seed}, day {day}: the mess"
        generated.change(rng, small_world)
        harness.merge(small_world)
        if harness.reconcile()["results"].get(
            "waiting"
        ):  # an ended subscription's first invoice by e-mail is a draft for an hour
            harness.later(2 * 3600)
            harness.reconcile()
        assert harness.plan().plan.actions == [], f"seed {seed}, day {day}: after changes in Stigg"
        new = {f'["{c["id"]}", ' for c in harness.objects("customers") if c["id"] not in customers}
        after = [
            row for row in kept(harness, foreign, lived & living(harness)) if not row.startswith(tuple(new) or ("-",))
        ]
        assert set(after) <= set(before), f"seed {seed}, day {day}: something foreign changed"
        check_no_doubles(harness)
    for hours in (3, rng.choice((1, 30))):
        harness.later(hours * 3600)
        generated.mess(rng, harness)
        generated.change(rng, small_world)
        harness.merge(small_world)
        by_change = harness.decision()
        assert whole.in_parts(harness) == whole.at_once(harness), f"seed {seed}: by what changed, and at once"
        monkeypatch.setattr(families, "PARTITIONS_PER_BATCH", rng.choice((1, 2, 250)))
        assert by_change == harness.decision(full=True), f"seed {seed}: by what changed, and everything in parts"
        assert whole.in_parts(harness) == whole.at_once(harness), f"seed {seed}: everything in parts, and at once"
        if rng.random() < 0.5:
            harness.reconcile()
