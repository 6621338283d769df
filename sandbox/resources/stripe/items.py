"""Items of subscriptions: how they are added, changed and removed, and what Stripe refuses."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.billing import metering, prorations
from sandbox.resources.stripe import tax_rates
from sandbox.resources.stripe.item_contents import exact, hidden_price
from sandbox.resources.stripe.objects import get
from sandbox.resources.stripe.pricing import check_interval
from sandbox.world import currencies
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, absent, invalid, missing, only_one
from sandbox.world.state import Obj, World

MAX_ITEMS = 20


def apply_item(world: World, subscription: Obj, items: list[Obj], given: Obj, place: str) -> None:
    """With an id: changes or removes that item. Without: adds one. A changed price resets the quantity to 1.

    ``place`` is where the request gives the item, such as ``items[0]``.
    """
    if "id" not in given:
        item = new_item(world, subscription["id"], given, place)
        items.append(item | running_period(world, subscription, item) | {"counts_from": world.now})
        return
    item = next((i for i in items if i["id"] == given["id"]), {})
    if not item:
        raise missing("subscription item", given["id"], param=f"{place}[id]", status=400)
    for name in set(given) - {
        "id",
        "price",
        "price_data",
        "quantity",
        "metadata",
        "deleted",
        "clear_usage",
        "tax_rates",
    }:
        raise NotModelled(f"subscription items: {name}")
    refuse_clearing(world, subscription, given)
    if given.get("deleted"):
        items.remove(item)
        return
    if "price_data" in given or given.get("price", item["price"]["id"]) != item["price"]["id"]:
        named: Obj = {name: given[name] for name in ("price", "price_data") if name in given}
        fresh = new_item(world, subscription["id"], named, place)
        billing_interval = prorations.billing_interval_of(item)
        item |= {"price": fresh["price"], "plan": fresh["plan"], "quantity": 1, "counts_from": world.now}
        if prorations.billing_interval_of(item) != billing_interval:
            item |= running_period(world, subscription, item)
        if metering.is_metered(item["price"]):
            del item["quantity"]
    if "quantity" in given:
        refuse_quantity(item["price"], given, place)
        item["quantity"] = given["quantity"]
    if "tax_rates" in given:
        item["tax_rates"] = tax_rates.chosen(world, given["tax_rates"], f"{place}[tax_rates]")
    item["metadata"] = merge_metadata(item["metadata"], given.get("metadata"))


def running_period(world: World, subscription: Obj, item: Obj) -> Obj:
    """Return the first period of a new item: the trial, else the anchor's current period, cut at ``cancel_at``.

    A classic subscription whose anchor is still to come is in one period until then.
    """
    anchor, start = subscription["billing_cycle_anchor"], subscription["start_date"]
    if subscription["status"] == "trialing":
        return {"current_period_start": subscription["trial_start"], "current_period_end": subscription["trial_end"]}
    if anchor > world.now and not prorations.is_flexible(subscription):
        return {"current_period_start": start, "current_period_end": anchor}
    begin, end = prorations.grid(subscription, item, world.now)
    end = min(end, subscription["cancel_at"] or end)
    return {"current_period_start": max(begin, start), "current_period_end": end}


def new_item(world: World, subscription: str, given: Obj, place: str) -> Obj:
    for name in set(given) - {"price", "price_data", "quantity", "metadata", "tax_rates"}:
        raise NotModelled(f"subscription items: {name}")
    price = price_of(world, given, place)
    refuse_quantity(price, given, place)
    metered = metering.is_metered(price)
    return {
        "id": world.next_id("si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": world.now,
        "current_trial": None,
        "current_period_end": world.now,
        "current_period_start": world.now,
        "discounts": [],
        "metadata": merge_metadata({}, given.get("metadata")),
        "plan": plan_of(price),
        "price": copy.deepcopy(price),
        **({} if metered else {"quantity": given.get("quantity", 1)}),
        "subscription": subscription,
        "tax_rates": tax_rates.chosen(world, given.get("tax_rates"), f"{place}[tax_rates]"),
    }


def price_of(world: World, given: Obj, place: str) -> Obj:
    """Return the price of an item: an active recurring one, or an inactive one from ``price_data`` (documented)."""
    param = f"{place}[price]"
    if "price_data" in given:
        if "price" in given:
            raise only_one("price", "price_data")
        return inline_price(world, given["price_data"], f"{place}[price_data]")
    if "price" not in given:
        raise absent(param)
    price = get(world, "prices", given["price"], kind="price", param=param, status=400)
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param=param)
    if price["recurring"] is None:
        raise invalid("The price specified is set to `type=one_time` but this field only accepts prices with "
                      "`type=recurring`.", param=param)  # fmt: skip
    return price


def inline_price(world: World, given: Obj, place: str) -> Obj:
    """Return the unlisted price of ``price_data``; the same content gives the same price."""
    param = f"{place}[product]"
    product = get(world, "products", given["product"], kind="product", param=param, status=400)
    if not product["active"]:
        raise invalid("The product is inactive.", param=param)
    if "unit_amount" not in given and "unit_amount_decimal" not in given:
        raise invalid("Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
    check_interval(given["recurring"]["interval"], given["recurring"].get("interval_count", 1))
    billing_interval = {
        "interval_count": 1,
        "meter": None,
        "trial_period_days": None,
        "usage_type": "licensed",
    } | given["recurring"]
    unit = exact(given.get("unit_amount_decimal", given.get("unit_amount")), f"{place}[unit_amount_decimal]")
    currency = currencies.check(given["currency"], f"{place}[currency]")
    return hidden_price(
        world, product["id"], currency, unit, given.get("tax_behavior", "unspecified"), billing_interval
    )


def check_price_currency(price: Obj, currency: str, param: str) -> None:
    """Refuse a price of another currency than the subscription's, in the words that others have met."""
    if price["currency"] == currency:
        return
    if currency in (price.get("currency_options") or {}):
        raise NotModelled("subscriptions in another currency of their prices")
    raise invalid(
        f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: `{currency}`.",
        param=param,
    )


def refuse_clearing(world: World, subscription: Obj, given: Obj) -> None:
    """``clear_usage`` is refused in flexible mode (SB 4.12); with meters it has no effect (C8)."""
    if given.get("clear_usage") and prorations.is_flexible(subscription) and world.unknowns["clear_usage_refused"]:
        raise invalid(
            "With `billing_mode.type=flexible` set on a subscription, the following parameters are not supported: "
            "clear_usage."
        )


def refuse_quantity(price: Obj, given: Obj, place: str) -> None:
    """Refuse a quantity of what a meter counts, and one below zero."""
    param = f"{place}[quantity]"
    if metering.is_metered(price) and "quantity" in given:
        raise invalid("You can not set a quantity on a metered subscription item.", param=param)
    if given.get("quantity", 0) < 0:
        raise invalid("Invalid non-negative integer", param=param)


def plan_of(price: Obj) -> Obj:
    """Return the old shape that Stripe still shows beside the price."""
    billing_interval: Any = price["recurring"]
    return {
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": price["billing_scheme"],
        "created": price["created"],
        "currency": price["currency"],
        "interval": billing_interval["interval"],
        "interval_count": billing_interval["interval_count"],
        "livemode": False,
        "metadata": price["metadata"],
        "meter": billing_interval["meter"],
        "nickname": price["nickname"],
        "product": price["product"],
        "tiers_mode": price["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": None,
        "usage_type": billing_interval["usage_type"],
    }


def check_items(items: list[Obj], mode: str) -> None:
    """Refuse invalid items of a subscription; different intervals need flexible billing."""
    if not items:
        raise invalid("A subscription must have at least one active plan. To cancel a subscription, please use the cancel "
                      "API endpoint on the subscription.")  # fmt: skip
    if len(items) > MAX_ITEMS:
        raise invalid(f"A subscription can have at most {MAX_ITEMS} items", param="items")
    prices = [item["price"]["id"] for item in items]
    for price in prices:
        if prices.count(price) > 1:
            raise invalid(
                "Cannot create a Subscription with multiple Subscription Items with the same Price: " + price,
                param="plan",
            )
    if len({item["price"]["currency"] for item in items}) > 1:
        raise invalid("All prices of a subscription must have the same currency", param="items")
    intervals = {(i["price"]["recurring"]["interval"], i["price"]["recurring"]["interval_count"]) for i in items}
    if len(intervals) > 1 and mode != "flexible":
        raise invalid("All prices of a subscription must have the same interval, unless its billing_mode is flexible.",
                      param="items")  # fmt: skip
