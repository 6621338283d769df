"""The end state of a story in Stripe, without ids, times and order, for comparing two runs."""

from __future__ import annotations

from typing import Any

from sandbox.world.state import World

Obj = dict[str, Any]


def marker_name(obj: Obj) -> str:
    """Return the name in an object's ownership marker, which is the same in every run."""
    return str(obj.get("metadata", {}).get("stiggSyncKey", "")).partition(" ")[0] or f"foreign {obj.get('name')}"


def end_state(world: World) -> list[Any]:
    """Return a row for each object that has a price or that customers see, without ids and times."""
    stripe = world.stripe
    rows: list[Any] = []
    for product in stripe["products"].values():
        default = stripe["prices"].get(product["default_price"] or "")
        rows.append(
            ["product", marker_name(product), product["name"], product["active"], default and marker_name(default)]
        )
    for price in stripe["prices"].values():
        fields = [price[k] for k in ("unit_amount_decimal", "tiers", "active", "lookup_key", "tax_behavior")]
        rows.append(["price", marker_name(price), fields])
    for coupon in stripe["coupons"].values():
        rows.append(["coupon", marker_name(coupon), coupon["name"], coupon["percent_off"], coupon["amount_off"]])
    for customer in stripe["customers"].values():
        rows.append(["customer", marker_name(customer), customer.get("name"), customer.get("email")])
    for subscription in stripe["subscriptions"].values():
        items = sorted(
            (marker_name(stripe["prices"][i["price"]["id"]]), i["quantity"]) for i in subscription["items"]["data"]
        )
        coupons = sorted(str(stripe["discounts"][d]["source"]["coupon"]) for d in subscription["discounts"])
        owner = marker_name(stripe["customers"][subscription["customer"]])
        rows.append(["subscription", marker_name(subscription), owner, subscription["status"], items, coupons,
                     subscription["cancel_at"], subscription["start_date"]])  # fmt: skip
    for item in stripe["invoiceitems"].values():
        if not item["proration"]:
            rows.append(["item", item["amount"], item["description"]])
    for invoice in stripe["invoices"].values():
        owner = stripe["subscriptions"][invoice["parent"]["subscription_details"]["subscription"]]
        amounts = sorted(line["amount"] for line in invoice["lines"]["data"])
        rows.append(["invoice", marker_name(owner), invoice["billing_reason"], amounts, invoice["total"]])
    return sorted(rows, key=str)
