"""Worlds by dice: Stigg's side from a seed, the mess that people leave in Stripe, and what changes in Stigg after that."""

from __future__ import annotations

import random
from typing import Any

from sandbox.builder import WorldBuilder, flat, per_unit, tiered, usage
from sandbox.world.state import iso
from tests.house import House

Obj = dict[str, Any]


def charges(dice: random.Random) -> list[Obj]:
    """The charges of a plan: any models, at most one a feature."""
    found: list[Obj] = []
    if dice.random() < 0.8:
        found.append(flat(dice.choice([0, 5, 20, 19.99])))
    seats = dice.choice(
        [
            None,
            per_unit("seats", dice.choice([5, 0.0027])),
            per_unit("seats", 10) | {"blockSize": 5},
            tiered(
                "seats", [(5, 20, dice.choice([None, 10])), (None, 10, None)], mode=dice.choice(["GRADUATED", "VOLUME"])
            ),
        ]
    )
    if seats is not None:
        found.append(seats)
    if dice.random() < 0.3:
        found.append(usage("calls", 0.01))
    if not any(c["billingModel"] != "USAGE_BASED" for c in found):
        found.append(flat(9))
    if dice.random() < 0.2:
        found.append(flat(99) | {"billingCadence": "ONE_OFF", "feature": {"refId": "setup"}})
    return found


def town_of(seed: int) -> WorldBuilder:
    """A catalog, coupons and customers with subscriptions of every kind that may be written without a person."""
    dice, town = random.Random(seed), WorldBuilder()
    for ref in ("acme", "other"):
        town.product(ref, ref.title())
    for ref in ("seats", "calls", "setup"):
        town.feature(ref, ref.title())
    for number in range(dice.randint(1, 3)):
        town.plan(
            f"plan-{number}",
            dice.choice(["Pro", "Basic", "Größe 💎"]),
            charges(dice),
            product=dice.choice(["acme", "other"]),
        )
    town.plan("free", "Free", [], pricing="FREE")
    town.plan("custom", "Custom", [], pricing="CUSTOM")
    for number in range(2):
        town.addon(f"addon-{number}", f"Add-on {number}", [flat(3 + number)])
    town.coupon("half", percent=50, durationInMonths=dice.choice([None, 3]))
    town.coupon("ten", off={"USD": 10, "EUR": 9})
    for number in range(dice.randint(2, 5)):
        town.customer(
            f"c-{number}", f"Customer {number}", f"c{number}@example.test", hasPaymentMethod=dice.random() < 0.3
        )
        for part in range(dice.randint(0, 2)):
            subscribe(dice, town, f"s-{number}-{part}", f"c-{number}")
    return town


def subscribe(dice: random.Random, town: WorldBuilder, id: str, customer: str) -> Obj:
    plans = [p["refId"] for p in town.stigg["plans"] if p["isLatest"]]
    addons = {ref: dice.randint(1, 3) for ref in ("addon-0", "addon-1") if dice.random() < 0.3}
    row = town.subscription(id, customer, dice.choice(plans), units={"seats": dice.randint(0, 30)}, addons=addons,
                            hours_ago=dice.randint(0, 40))  # fmt: skip
    row["status"] = dice.choice(["ACTIVE"] * 6 + ["IN_TRIAL", "NOT_STARTED", "PAYMENT_PENDING", "CANCELED"])
    if dice.random() < 0.4:
        row["coupons"] = [town.applied(dice.choice(["half", "ten"]), hours_ago=dice.choice([1, 24 * 40]))]
    if dice.random() < 0.2 and addons:
        row["freeItems"] = [{"addonId": next(iter(addons)), "quantity": 1}]
    return row


def change(dice: random.Random, town: WorldBuilder) -> None:
    """What people do in Stigg in a day."""
    for customer in town.stigg["customers"]:
        if dice.random() < 0.3:
            customer["name"] = f"Renamed {dice.randint(1, 99)}"
    for row in list(town.stigg["subscriptions"]):
        what = dice.random()
        if row["status"] != "ACTIVE":
            continue
        if dice.random() < 0.5:
            switch_coupon(dice, town, row)
        if what < 0.3:
            for part in row["prices"]:
                if part["featureId"] == "seats":
                    part |= {"usageLimit": dice.randint(0, 40), "updatedAt": iso(town.now)}
        elif what < 0.5:
            row["addons"] = [town.addon_of(row["subscriptionId"], "addon-1", dice.randint(1, 4), "MONTHLY")]
        elif what < 0.6:
            moment = iso(town.now)
            row |= {"status": "CANCELED", "cancelReason": "Immediate", "effectiveEndDate": moment}
        elif what < 0.7:
            moment = iso(town.now)
            row |= {"status": "CANCELED", "cancelReason": "UpgradeOrDowngrade", "effectiveEndDate": moment}
            heir = subscribe(dice, town, f"{row['subscriptionId']}-next", row["customer"]["customerId"])
            heir |= {"status": "ACTIVE", "startDate": moment}
    if dice.random() < 0.5:
        version = dice.choice([p for p in town.stigg["plans"] if p["isLatest"] and p["pricingType"] == "PAID"])
        town.plan(version["refId"], "Renamed", charges(dice), version=version["versionNumber"] + 1,
                  product=version["product"]["refId"])  # fmt: skip
    if dice.random() < 0.3:
        town.stigg["coupons"][0]["status"] = "ARCHIVED"
    if dice.random() < 0.3:
        town.stigg["coupons"][1]["amountsOff"] = [{"currency": "USD", "amount": dice.randint(1, 20)}]


def switch_coupon(dice: random.Random, town: WorldBuilder, row: Obj) -> None:
    """The coupon goes, or runs out, or another one comes."""
    applied = row.setdefault("coupons", [])
    if applied and dice.random() < 0.6:
        applied[-1]["status"] = dice.choice(["REMOVED", "EXPIRED"])
    elif not any(c["status"] == "ACTIVE" for c in applied):
        applied.append(
            town.applied(dice.choice(["half", "ten"]), hours_ago=dice.choice([1, 24 * 40]), id=str(len(applied)))
        )


def mess(dice: random.Random, house: House) -> dict[str, list[str]]:
    """What people leave in Stripe, beside what is ours and on it; gives the foreign ids by collection."""
    api, foreign = house.stripe(), dict[str, list[str]]()

    def mine(collection: str, made: Any) -> Any:
        foreign.setdefault(collection, []).append(made.id)
        return made

    product = mine("products", api.v1.products.create({"name": "A person's", "metadata": {"mine": "yes"}}))
    price = mine("prices", api.v1.prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 700, "recurring": {"interval": "month"}}))  # fmt: skip
    mine("customers", api.v1.customers.create({"name": "A stranger", "email": "s@example.test"}))
    coupon = mine("coupons", api.v1.coupons.create({"percent_off": 5, "duration": "forever"}))
    for subscription in house.objects("subscriptions"):
        if subscription["status"] != "canceled":
            meddle(dice, house, subscription, price=price.id, coupon=coupon.id)
    for customer in house.objects("customers"):
        if dice.random() < 0.3:
            api.v1.customers.update(customer["id"], {"phone": "+1 555", "metadata": {"crm": "7"}, "name": "By hand"})
    for product_row in house.objects("products"):
        if dice.random() < 0.2 and product_row["id"] not in foreign["products"]:
            api.v1.products.update(product_row["id"], {"name": "By hand", "metadata": {"erp": "x"}})
    foreign["customers"] = foreign["customers"][-1:]
    return foreign


def meddle(dice: random.Random, house: House, subscription: Obj, *, price: str, coupon: str) -> None:
    """What people do to a subscription of ours: items, discounts and notes of their own, and other numbers."""
    update, id = house.stripe().v1.subscriptions.update, subscription["id"]
    if dice.random() < 0.3:
        update(id, {"items": [{"price": price, "quantity": 2}], "proration_behavior": "none"})
    if dice.random() < 0.2 and subscription["discounts"]:
        update(id, {"discounts": ""})
    if dice.random() < 0.4:
        kept = [{"discount": held} for held in subscription["discounts"]]
        update(id, {"discounts": [*kept, {"coupon": coupon}]})
    if dice.random() < 0.2:
        update(id, {"metadata": {"crm": "42"}})
    item = subscription["items"]["data"][0]
    if dice.random() < 0.3 and item["price"]["unit_amount"]:
        update(id, {"items": [{"id": item["id"], "quantity": 77}], "proration_behavior": "none"})
