"""Random worlds: Stigg's side from a seed, the mess that people leave in Stripe, and what changes in Stigg after that."""

from __future__ import annotations

import random
from typing import Any

from sandbox.builder import WorldBuilder, flat, per_unit, tiered, usage
from sandbox.world.state import iso
from tests.support.harness import Harness

Obj = dict[str, Any]


def charges(rng: random.Random) -> list[Obj]:
    """Return the charges of a plan: any models, at most one a feature."""
    found: list[Obj] = []
    if rng.random() < 0.8:
        found.append(flat(rng.choice([0, 5, 20, 19.99])))
    seats = rng.choice(
        [
            None,
            per_unit("seats", rng.choice([5, 0.0027])),
            per_unit("seats", 10) | {"blockSize": 5},
            tiered(
                "seats", [(5, 20, rng.choice([None, 10])), (None, 10, None)], mode=rng.choice(["GRADUATED", "VOLUME"])
            ),
        ]
    )
    if seats is not None:
        found.append(seats)
    if rng.random() < 0.3:
        found.append(usage("calls", 0.01))
    if not any(c["billingModel"] != "USAGE_BASED" for c in found):
        found.append(flat(9))
    if rng.random() < 0.2:
        found.append(flat(99) | {"billingCadence": "ONE_OFF", "feature": {"refId": "setup"}})
    return found


def world_of_seed(seed: int) -> WorldBuilder:
    """Return a catalog, coupons and customers with subscriptions of every kind that may be written without a person."""
    rng, small_world = random.Random(seed), WorldBuilder()
    for ref in ("acme", "other"):
        small_world.product(ref, ref.title())
    for ref in ("seats", "calls", "setup"):
        small_world.feature(ref, ref.title())
    for number in range(rng.randint(1, 3)):
        small_world.plan(
            f"plan-{number}",
            rng.choice(["Pro", "Basic", "Größe 💎"]),
            charges(rng),
            product=rng.choice(["acme", "other"]),
        )
    small_world.plan("free", "Free", [], pricing="FREE")
    small_world.plan("custom", "Custom", [], pricing="CUSTOM")
    for number in range(2):
        small_world.addon(f"addon-{number}", f"Add-on {number}", [flat(3 + number)])
    small_world.coupon("half", percent=50, durationInMonths=rng.choice([None, 3]))
    small_world.coupon("ten", off={"USD": 10, "EUR": 9})
    for number in range(rng.randint(2, 5)):
        small_world.customer(
            f"c-{number}", f"Customer {number}", f"c{number}@example.test", hasPaymentMethod=rng.random() < 0.3
        )
        for part in range(rng.randint(0, 2)):
            subscribe(rng, small_world, f"s-{number}-{part}", f"c-{number}")
    return small_world


def subscribe(rng: random.Random, small_world: WorldBuilder, id: str, customer: str) -> Obj:
    plans = [p["refId"] for p in small_world.stigg["plans"] if p["isLatest"]]
    addons = {ref: rng.randint(1, 3) for ref in ("addon-0", "addon-1") if rng.random() < 0.3}
    row = small_world.subscription(id, customer, rng.choice(plans), units={"seats": rng.randint(0, 30)}, addons=addons,
                            hours_ago=rng.randint(0, 40))  # fmt: skip
    row["status"] = rng.choice(["ACTIVE"] * 6 + ["IN_TRIAL", "NOT_STARTED", "PAYMENT_PENDING", "CANCELED"])
    if rng.random() < 0.4:
        row["coupons"] = [small_world.applied(rng.choice(["half", "ten"]), hours_ago=rng.choice([1, 24 * 40]))]
    if rng.random() < 0.2 and addons:
        row["freeItems"] = [{"addonId": next(iter(addons)), "quantity": 1}]
    return row


def change(rng: random.Random, small_world: WorldBuilder) -> None:
    """Change the Stigg side as people do in a day."""
    for customer in small_world.stigg["customers"]:
        if rng.random() < 0.3:
            customer["name"] = f"Renamed {rng.randint(1, 99)}"
    for row in list(small_world.stigg["subscriptions"]):
        what = rng.random()
        if row["status"] != "ACTIVE":
            continue
        if rng.random() < 0.5:
            switch_coupon(rng, small_world, row)
        if what < 0.3:
            for part in row["prices"]:
                if part["featureId"] == "seats":
                    part |= {"usageLimit": rng.randint(0, 40), "updatedAt": iso(small_world.now)}
        elif what < 0.5:
            row["addons"] = [small_world.addon_of(row["subscriptionId"], "addon-1", rng.randint(1, 4), "MONTHLY")]
        elif what < 0.6:
            moment = iso(small_world.now)
            row |= {"status": "CANCELED", "cancelReason": "Immediate", "effectiveEndDate": moment}
        elif what < 0.7:
            moment = iso(small_world.now)
            row |= {"status": "CANCELED", "cancelReason": "UpgradeOrDowngrade", "effectiveEndDate": moment}
            successor = subscribe(rng, small_world, f"{row['subscriptionId']}-next", row["customer"]["customerId"])
            successor |= {"status": "ACTIVE", "startDate": moment}
    if rng.random() < 0.5:
        version = rng.choice([p for p in small_world.stigg["plans"] if p["isLatest"] and p["pricingType"] == "PAID"])
        small_world.plan(version["refId"], "Renamed", charges(rng), version=version["versionNumber"] + 1,
                  product=version["product"]["refId"])  # fmt: skip
    if rng.random() < 0.3:
        small_world.stigg["coupons"][0]["status"] = "ARCHIVED"
    if rng.random() < 0.3:
        small_world.stigg["coupons"][1]["amountsOff"] = [{"currency": "USD", "amount": rng.randint(1, 20)}]


def switch_coupon(rng: random.Random, small_world: WorldBuilder, row: Obj) -> None:
    """The coupon goes, or runs out, or another one comes."""
    applied = row.setdefault("coupons", [])
    if applied and rng.random() < 0.6:
        applied[-1]["status"] = rng.choice(["REMOVED", "EXPIRED"])
    elif not any(c["status"] == "ACTIVE" for c in applied):
        applied.append(
            small_world.applied(rng.choice(["half", "ten"]), hours_ago=rng.choice([1, 24 * 40]), id=str(len(applied)))
        )


def mess(rng: random.Random, harness: Harness) -> dict[str, list[str]]:
    """Add foreign objects in Stripe and foreign fields on owned ones; return the foreign ids by collection."""
    api, foreign = harness.stripe(), dict[str, list[str]]()

    def mine(collection: str, made: Any) -> Any:
        foreign.setdefault(collection, []).append(made.id)
        return made

    product = mine("products", api.v1.products.create({"name": "A person's", "metadata": {"mine": "yes"}}))
    price = mine("prices", api.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}}))  # fmt: skip
    mine("customers", api.v1.customers.create({"name": "A foreign customer", "email": "s@example.test"}))
    coupon = mine("coupons", api.v1.coupons.create({"percent_off": 5, "duration": "forever"}))
    for subscription in harness.objects("subscriptions"):
        if subscription["status"] != "canceled":
            meddle(rng, harness, subscription, price=price.id, coupon=coupon.id)
    for customer in harness.objects("customers"):
        if rng.random() < 0.3:
            api.v1.customers.update(customer["id"], {"phone": "+1 555", "metadata": {"crm": "7"}, "name": "By hand"})
    for product_row in harness.objects("products"):
        if rng.random() < 0.2 and product_row["id"] not in foreign["products"]:
            api.v1.products.update(product_row["id"], {"name": "By hand", "metadata": {"erp": "x"}})
    foreign["customers"] = foreign["customers"][-1:]
    return foreign


def meddle(rng: random.Random, harness: Harness, subscription: Obj, *, price: str, coupon: str) -> None:
    """Change an owned subscription as people do: foreign items, discounts and notes, and other quantities."""
    update, id = harness.stripe().v1.subscriptions.update, subscription["id"]
    if rng.random() < 0.3:
        update(id, {"items": [{"price": price, "quantity": 2}], "proration_behavior": "none"})
    if rng.random() < 0.2 and subscription["discounts"]:
        update(id, {"discounts": ""})
    if rng.random() < 0.4:
        kept = [{"discount": held} for held in subscription["discounts"]]
        update(id, {"discounts": [*kept, {"coupon": coupon}]})
    if rng.random() < 0.2:
        update(id, {"metadata": {"crm": "42"}})
    item = subscription["items"]["data"][0]
    if rng.random() < 0.3 and item["price"]["unit_amount"]:
        update(id, {"items": [{"id": item["id"], "quantity": 77}], "proration_behavior": "none"})
