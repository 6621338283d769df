"""What counts of an end state: everything in Stripe but ids, times and the order of things. Shares no code with the pipeline."""

from __future__ import annotations

from typing import Any

from tests.support.harness import Harness

Obj = dict[str, Any]


def named(obj: Obj) -> str:
    """What an object is called by its mark: the same in every run."""
    return str(obj.get("metadata", {}).get("stiggSyncKey", "")).partition(" ")[0] or f"foreign {obj.get('name')}"


def essence(harness: Harness) -> list[Any]:
    """One row an object that costs something or that people see, without ids and times."""
    stripe = harness.world.stripe
    rows: list[Any] = []
    for product in stripe["products"].values():
        default = stripe["prices"].get(product["default_price"] or "")
        rows.append(["product", named(product), product["name"], product["active"], default and named(default)])
    for price in stripe["prices"].values():
        fields = [price[k] for k in ("unit_amount_decimal", "tiers", "active", "lookup_key", "tax_behavior")]
        rows.append(["price", named(price), fields])
    for coupon in stripe["coupons"].values():
        rows.append(["coupon", named(coupon), coupon["name"], coupon["percent_off"], coupon["amount_off"]])
    for customer in stripe["customers"].values():
        rows.append(["customer", named(customer), customer.get("name"), customer.get("email")])
    for subscription in stripe["subscriptions"].values():
        items = sorted(
            (named(stripe["prices"][i["price"]["id"]]), i["quantity"]) for i in subscription["items"]["data"]
        )
        coupons = sorted(str(stripe["discounts"][d]["source"]["coupon"]) for d in subscription["discounts"])
        owner = named(stripe["customers"][subscription["customer"]])
        rows.append(["subscription", named(subscription), owner, subscription["status"], items, coupons,
                     subscription["cancel_at"], subscription["start_date"]])  # fmt: skip
    for item in stripe["invoiceitems"].values():
        if not item["proration"]:
            rows.append(["item", item["amount"], item["description"]])
    for invoice in stripe["invoices"].values():
        owner = stripe["subscriptions"][invoice["parent"]["subscription_details"]["subscription"]]
        amounts = sorted(line["amount"] for line in invoice["lines"]["data"])
        rows.append(["invoice", named(owner), invoice["billing_reason"], amounts, invoice["total"]])
    return sorted(rows, key=str)
