"""Contents of invoice items: an amount, or a quantity at a unit amount or price; and the hidden prices of bare amounts."""

from __future__ import annotations

from decimal import Decimal

from sandbox.billing import amounts
from sandbox.resources.stripe import tax_rates
from sandbox.resources.stripe.objects import get
from sandbox.resources.stripe.products import product_of
from sandbox.world import currencies
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, absent, invalid, only_one
from sandbox.world.state import Obj, World

# Parameters of an invoice item that exclude each other.
EXCLUSIVE = (
    ("amount", "quantity"), ("amount", "quantity_decimal"), ("amount", "unit_amount_decimal"), ("amount", "pricing"),
    ("amount", "price_data"), ("pricing", "price_data"), ("pricing", "unit_amount_decimal"), ("quantity", "quantity_decimal"),
)  # fmt: skip


def made(world: World, params: Obj, customer: str, *, param: str = "pricing[price]") -> Obj:
    """Return the item of these parameters: an amount, or a quantity at a unit amount or at the price in ``param``."""
    check_amounts(params)
    quantity = quantity_of(params)
    price = None
    if "price_data" in params:
        price = inline_price(world, params["price_data"])
        currency, unit = price["currency"], price["unit_amount_decimal"]
        amount = amounts.round_item(world, quantity * Decimal(price["unit_amount_decimal"]))
    elif "pricing" in params:
        if "tax_behavior" in params:
            raise NotModelled("tax_behavior of an invoice item whose price has its own")
        price = get(world, "prices", str(params["pricing"].get("price")), kind="price", param=param, status=400)
        if price["recurring"] is not None:
            raise invalid("The price specified is set to `type=recurring` but this field only accepts prices with "
                          "`type=one_time`.", param=param)  # fmt: skip
        if not price["active"]:
            raise invalid("The price specified is inactive. This field only accepts active prices.", param=param)
        if price["custom_unit_amount"]:
            raise NotModelled("invoice items of a price that the customer chooses")
        currency, amount = price["currency"], amounts.amount(price, int(quantity))
        unit = price["unit_amount_decimal"]
    elif "unit_amount_decimal" in params:
        currency, unit = currency_of(params), f"{exact(params['unit_amount_decimal'], 'unit_amount_decimal'):f}"
        amount = amounts.round_item(world, quantity * Decimal(unit))
    elif "amount" in params:
        currency, amount = currency_of(params), params["amount"]
        unit = str(amount)
    else:
        raise absent("amount")
    if price is None:
        behavior = params.get("tax_behavior", "unspecified")
        price = hidden_price(world, hidden_product(world), currency, Decimal(unit), behavior)
    period = params.get("period") or {"start": world.now, "end": world.now}
    details = {"price": price["id"], "product": price["product"]}
    subscription = params.get("subscription")
    return {
        "id": world.next_id("ii"),
        "object": "invoiceitem",
        "amount": amount,
        "created": world.now,
        "currency": currency,
        "customer": customer,
        "customer_account": None,
        "date": world.now,
        "description": params.get("description") or None,
        "discountable": params.get("discountable", amount >= 0),
        "discounts": [],
        "frozen_fields": [],
        "invoice": None,
        "invoicing_rules": [],
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "parent": parent(subscription),
        "period": period,
        "pricing": {"type": "price_details", "price_details": details, "unit_amount_decimal": unit},
        "proration": False,
        "quantity": int(quantity),
        "quantity_decimal": plain(quantity),
        "tax_rates": tax_rates.chosen(world, params.get("tax_rates"), "tax_rates"),
        "test_clock": None,
    }


def plain(number: Decimal) -> str:
    return f"{number.normalize():f}"


def exact(given: object, param: str) -> Decimal:
    """Return a decimal of at most twelve places; an exponent is refused (assumed: SB 4.6 records it of meter values)."""
    if "e" in str(given).lower():
        raise invalid(f"Invalid decimal: {given}", param=param)
    value = Decimal(str(given))
    if value != round(value, 12):
        raise invalid(f"Invalid decimal: {given}; must have at most 12 decimal places", param=param)
    return value


def check_amounts(params: Obj) -> None:
    """Refuse what an item is charged twice over, an amount is a total without quantity (SB 3.9); and a period that ends first."""
    period = params.get("period") or {}
    if period and period["end"] < period["start"]:  # types: "must be greater than or equal to the start"
        raise invalid("The end of a period must be greater than or equal to its start.", param="period[end]")
    for first, second in EXCLUSIVE:
        if first in params and second in params:
            raise only_one(first, second)


def quantity_of(params: Obj) -> Decimal:
    """Return the quantity, 1 by default; never negative."""
    name = "quantity_decimal" if "quantity_decimal" in params else "quantity"
    value = exact(params.get(name, 1), name)
    if value < 0:
        raise invalid(f"Invalid non-negative decimal: {value}", param=name)
    return value


def inline_price(world: World, given: Obj) -> Obj:
    """Return the price that ``price_data`` makes: of one use, so it is not active."""
    if "unit_amount" not in given and "unit_amount_decimal" not in given:
        raise invalid("Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
    product = product_of(world, given)
    if not product["active"]:
        raise invalid("The product is inactive.", param="price_data[product]")
    unit = exact(given.get("unit_amount_decimal", given.get("unit_amount")), "price_data[unit_amount_decimal]")
    return hidden_price(world, product["id"], given["currency"], unit, given.get("tax_behavior", "unspecified"))


def hidden_price(
    world: World,
    product: str,
    currency: str,
    unit: Decimal,
    behavior: str = "unspecified",
    billing_interval: Obj | None = None,
) -> Obj:
    """Return a price that is not active and in no list: the one that was made before, or a new one (FACTS_B 20)."""
    same = {
        "product": product,
        "currency": currency,
        "tax_behavior": behavior,
        "unlisted": True,
        "recurring": billing_interval,
    }
    for known in world.stripe["prices"].values():
        if all(known.get(k) == v for k, v in same.items()) and Decimal(known["unit_amount_decimal"]) == unit:
            return known
    price: Obj = dict.fromkeys(("custom_unit_amount", "lookup_key", "nickname", "tiers", "tiers_mode",
                                "transform_quantity"))  # fmt: skip
    return world.put("prices", price | {
        "id": world.next_id("price"), "object": "price", "active": False, "billing_scheme": "per_unit",
        "created": world.now, "currency": currency, "livemode": False, "metadata": {}, "product": product,
        "recurring": billing_interval, "tax_behavior": behavior, "type": "recurring" if billing_interval else "one_time", "unit_amount": int(unit) if unit == int(unit) else None,
        "unit_amount_decimal": f"{unit:f}", "unlisted": True,
    })  # fmt: skip


def hidden_product(world: World) -> str:
    """Return the id of the account's product of bare amounts, which is in no list (FACTS_B 16, 19, 20)."""
    for known in world.stripe["products"].values():
        if known.get("unlisted"):
            return str(known["id"])
    nothing: Obj = dict.fromkeys(("default_price", "description", "package_dimensions", "shippable",
                                  "statement_descriptor", "tax_code", "tax_details", "unit_label", "url"))  # fmt: skip
    product = world.put("products", nothing | {
        "id": world.next_id("prod"), "object": "product", "active": False, "attributes": [], "created": world.now,
        "images": [], "livemode": False, "marketing_features": [], "metadata": {}, "name": "Invoice item", "type": "service",
        "updated": world.now, "unlisted": True,
    })  # fmt: skip
    return str(product["id"])


def currency_of(params: Obj) -> str:
    if "currency" not in params:
        raise absent("currency")
    return currencies.check(str(params["currency"]))


def parent(subscription: str | None) -> Obj | None:
    if subscription is None:
        return None
    return {
        "type": "subscription_details",
        "subscription_details": {"subscription": subscription, "subscription_item": None},
    }


def change(world: World, item: Obj, params: Obj) -> None:
    """Change an invoice item: its quantity, price, amount, texts and period."""
    check_amounts(params)
    if "quantity" in params or "quantity_decimal" in params:
        quantity = quantity_of(params)
        item |= {"quantity": int(quantity), "quantity_decimal": plain(quantity)}
    if "price_data" in params:
        price = inline_price(world, params["price_data"])
        if price["currency"] != item["currency"]:
            raise invalid("The currency of the price is not that of the invoice item", param="price_data[currency]")
        item["pricing"] = {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": price["unit_amount_decimal"],
        }
    if "unit_amount_decimal" in params:
        item["pricing"] = item["pricing"] | {"unit_amount_decimal": f"{Decimal(str(params['unit_amount_decimal'])):f}"}
    unit = item["pricing"]["unit_amount_decimal"]
    if unit is not None:  # a proration has an amount alone
        item["amount"] = amounts.round_item(world, Decimal(item["quantity_decimal"]) * Decimal(unit))
    if "amount" in params:
        item |= {"amount": params["amount"], "quantity": 1, "quantity_decimal": "1"}
        item["pricing"] = new_pricing(world, item, Decimal(params["amount"]))
    if "tax_behavior" in params and "price_data" not in params:
        set_behavior(world, item, params["tax_behavior"])
    for name in ("description", "period", "discountable"):
        if name in params:
            item[name] = None if params[name] == "" else params[name]
    if "tax_rates" in params:
        item["tax_rates"] = tax_rates.chosen(world, params["tax_rates"], "tax_rates")
    item["metadata"] = merge_metadata(item["metadata"], params.get("metadata"))
    if item["proration"]:
        item["net_amount"] = item["amount"]


def set_behavior(world: World, item: Obj, behavior: str) -> None:
    """Set the tax behaviour of an item without one: its price becomes a new hidden one. Once set it stays (types)."""
    held = behavior_of(world, item)
    if held not in ("unspecified", behavior):
        raise invalid("The tax behavior of an invoice item cannot be changed once it is set.", param="tax_behavior")
    unit = item["pricing"]["unit_amount_decimal"]
    if unit is None:
        raise NotModelled("tax_behavior of a proration")
    item["pricing"] = new_pricing(world, item, Decimal(unit), behavior)


def new_pricing(world: World, item: Obj, unit: Decimal, behavior: str | None = None) -> Obj:
    """Return the ``pricing`` of an item at another amount or tax behaviour: a hidden price of its product (FACTS_B 19)."""
    product = item["pricing"]["price_details"]["product"]
    price = hidden_price(world, product, item["currency"], unit, behavior or behavior_of(world, item))
    return {
        "type": "price_details",
        "price_details": {"price": price["id"], "product": product},
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def behavior_of(world: World, item: Obj) -> str:
    """Return the tax behaviour of an item's price."""
    price = world.stripe["prices"].get(item["pricing"]["price_details"]["price"], {})
    return str(price.get("tax_behavior") or "unspecified")
