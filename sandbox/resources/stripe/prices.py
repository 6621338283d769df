"""Prices: create, update, archive and list, with lookup keys."""

from __future__ import annotations

from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.pricing import new_price
from sandbox.resources.stripe.products import new_product
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid, only_one
from sandbox.world.state import Obj, World


@route("post", "/v1/prices", "currency", "product", "product_data", "unit_amount", "unit_amount_decimal", "recurring",
       "lookup_key", "transfer_lookup_key", "metadata", "nickname", "active", "tax_behavior", "billing_scheme", "tiers",
       "tiers_mode", "transform_quantity", "currency_options", "custom_unit_amount")  # fmt: skip
def create_price(call: Call) -> Obj:
    world, params = call.world, call.params
    product = product_of(call)
    price = new_price(world, params, product["id"])
    assign_lookup_key(call, price)
    if "product_data" in params:
        emit(call, "product.created", world.put("products", product))
    emit(call, "price.created", world.put("prices", price))
    return price


def product_of(call: Call) -> Obj:
    """Return the product that exists, or the one that ``product_data`` makes, not yet kept."""
    params = call.params
    if "product" in params and "product_data" in params:
        raise only_one("product", "product_data")
    if "product_data" in params:
        return new_product(call.world, params["product_data"])
    if "product" not in params:
        raise invalid("You must specify either `product` or `product_data` when creating a price.")
    return get(call.world, "products", params["product"], kind="product", param="product", status=400)


@route(
    "post", "/v1/prices/{price}", "active", "lookup_key", "transfer_lookup_key", "metadata", "nickname", "tax_behavior"
)
def update_price(call: Call) -> Obj:
    price = get(call.world, "prices", call.ids[0], kind="price")
    before, params = dict(price), call.params
    if params.get("active") is False and is_default(call.world, price):
        raise invalid("This price cannot be archived because it is the default price of its product.", param="active")
    behavior = params.get("tax_behavior")
    if behavior and price["tax_behavior"] not in ("unspecified", behavior):
        raise invalid("You cannot change tax_behavior once it is inclusive or exclusive", param="tax_behavior")
    assign_lookup_key(call, price)
    for name in ("active", "nickname", "tax_behavior"):
        if name in params:
            price[name] = None if params[name] == "" else params[name]
    price["metadata"] = merge_metadata(price["metadata"], params.get("metadata"))
    emit(call, "price.updated", price, before)
    return price


@route("get", "/v1/prices/{price}")
def retrieve_price(call: Call) -> Obj:
    return get(call.world, "prices", call.ids[0], kind="price")


@route("get", "/v1/prices", *PAGING, "active", "product", "lookup_keys", "currency", "type", "recurring")
def list_prices(call: Call) -> Obj:
    """Return active prices, unless ``active`` is given: two lists are needed to see all."""
    params = call.params
    keys, billing_interval = params.get("lookup_keys"), params.get("recurring", {})
    if keys is not None and len(keys) > 10:
        raise invalid("You can pass up to 10 lookup_keys", param="lookup_keys")

    def keep(price: Obj) -> bool:
        fields = all(params.get(name) in (None, price[name]) for name in ("product", "currency", "type"))
        fields &= all((price["recurring"] or {}).get(name) == value for name, value in billing_interval.items())
        return (
            fields and price["active"] == params.get("active", True) and (keys is None or price["lookup_key"] in keys)
        )

    return listed(call, "prices", keep)


def assign_lookup_key(call: Call, price: Obj) -> None:
    """Give a lookup key to one price; ``transfer_lookup_key`` takes it from its holder, also from an archived one."""
    if "lookup_key" not in call.params:
        return
    key = call.params["lookup_key"] or None
    holder = next((p for p in call.world.stripe["prices"].values() if key and p["lookup_key"] == key), None)
    if holder is not None and holder is not price:
        if not call.params.get("transfer_lookup_key"):
            raise invalid(f"A price (`{holder['id']}`) already uses that lookup key.", param="lookup_key")
        before = dict(holder)
        holder["lookup_key"] = None
        emit(call, "price.updated", holder, before)
    price["lookup_key"] = key


def is_default(world: World, price: Obj) -> bool:
    product = world.stripe["products"].get(price["product"])
    return product is not None and product["default_price"] == price["id"]
