"""Products, prices and coupons."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import StripeRefusal, invalid
from sandbox.world.state import Obj, World

DELETED = {"deleted": True}
CHOSEN_ID = re.compile(r"[a-zA-Z0-9_-]+")


def check_id(id: str) -> None:
    """Refuse an id that Stripe would not take from a caller (SB 9.1, changelog of 2018-05-21)."""
    if not CHOSEN_ID.fullmatch(id):
        raise invalid(r"This value must match the regex pattern: /\A[a-zA-Z0-9_\-]+\z/", param="id")


@route("post", "/v1/products", "id", "name", "active", "description", "metadata", "unit_label", "tax_code", "url",
       "statement_descriptor", "shippable", "images", "marketing_features")  # fmt: skip
def create_product(call: Call) -> Obj:
    world, params = call.world, call.params
    id = params.get("id") or world.next_id("prod")
    check_id(id)
    if id in world.stripe["products"]:
        raise StripeRefusal(f"Product already exists: {id}", code="resource_already_exists")
    if not params["name"]:
        raise empty("name")
    product = {
        "id": id,
        "object": "product",
        "active": params.get("active", True),
        "created": world.now,
        "default_price": None,
        "description": params.get("description") or None,
        "images": params.get("images", []),
        "livemode": False,
        "marketing_features": params.get("marketing_features", []),
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": params.get("shippable"),
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": params.get("tax_code"),
        "type": "service",
        "unit_label": params.get("unit_label"),
        "updated": world.now,
        "url": params.get("url"),
    }
    emit(call, "product.created", world.put("products", product))
    return product


@route("post", "/v1/products/{id}", "name", "active", "description", "metadata", "default_price", "unit_label",
       "tax_code", "url", "statement_descriptor")  # fmt: skip
def update_product(call: Call) -> Obj:
    product = get(call.world, "products", call.ids[0], kind="product")
    before, params = dict(product), call.params
    if params.get("default_price"):
        price = get(call.world, "prices", params["default_price"], kind="price", param="default_price", status=400)
        if price["product"] != product["id"]:
            raise invalid(f"The price {price['id']} does not belong to this product", param="default_price")
        if not price["active"]:
            raise invalid("The default price must be active", param="default_price")
    if params.get("name") == "":
        raise empty("name")
    for name in ("name", "active", "description", "default_price", "unit_label", "tax_code", "url"):
        if name in params:
            product[name] = None if params[name] == "" else params[name]
    product["metadata"] = merge_metadata(product["metadata"], params.get("metadata"))
    product["updated"] = call.world.now
    emit(call, "product.updated", product, before)
    return product


@route("get", "/v1/products/{id}")
def retrieve_product(call: Call) -> Obj:
    return get(call.world, "products", call.ids[0], kind="product")


@route("delete", "/v1/products/{id}")
def delete_product(call: Call) -> Obj:
    product = get(call.world, "products", call.ids[0], kind="product")
    if any(price["product"] == product["id"] for price in call.world.stripe["prices"].values()):
        raise invalid("This product cannot be deleted because it has one or more user-created prices.")
    del call.world.stripe["products"][product["id"]]
    emit(call, "product.deleted", product)
    return {"id": product["id"], "object": "product", **DELETED}


@route("get", "/v1/products", *PAGING, "active", "ids")
def list_products(call: Call) -> Obj:
    active, ids = call.params.get("active"), call.params.get("ids")
    return listed(call, "products", lambda p: active in (None, p["active"]) and (ids is None or p["id"] in ids))


@route("post", "/v1/prices", "currency", "product", "unit_amount", "unit_amount_decimal", "recurring", "lookup_key",
       "transfer_lookup_key", "metadata", "nickname", "active", "tax_behavior", "billing_scheme", "tiers", "tiers_mode",
       "transform_quantity")  # fmt: skip
def create_price(call: Call) -> Obj:
    world, params = call.world, call.params
    if "product" not in params:
        raise invalid("You must specify either `product` or `product_data` when creating a price.", param="product")
    product = get(world, "products", params["product"], kind="product", param="product", status=400)
    scheme = params.get("billing_scheme", "per_unit")
    currency = params["currency"]
    if currency != currency.lower() or len(currency) != 3:
        raise invalid(f"Invalid currency: {currency}", param="currency")
    unit, exact = unit_amounts(params) if scheme == "per_unit" else (None, None)
    price = {
        "id": world.next_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": scheme,
        "created": world.now,
        "currency": currency,
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": merge_metadata({}, params.get("metadata")),
        "nickname": params.get("nickname"),
        "product": product["id"],
        "recurring": recurring(world, params),
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers": tiers(params) if scheme == "tiered" else None,
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": params.get("transform_quantity"),
        "type": "recurring" if "recurring" in params else "one_time",
        "unit_amount": unit,
        "unit_amount_decimal": exact,
    }
    if params.get("transform_quantity") and scheme == "tiered":
        raise invalid("You cannot combine transform_quantity with tiers", param="transform_quantity")
    claim_lookup_key(call, price)
    emit(call, "price.created", world.put("prices", price))
    return price


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
    claim_lookup_key(call, price)
    for name in ("active", "nickname", "tax_behavior"):
        if name in params:
            price[name] = None if params[name] == "" else params[name]
    price["metadata"] = merge_metadata(price["metadata"], params.get("metadata"))
    emit(call, "price.updated", price, before)
    return price


@route("get", "/v1/prices/{price}")
def retrieve_price(call: Call) -> Obj:
    return get(call.world, "prices", call.ids[0], kind="price")


@route("get", "/v1/prices", *PAGING, "active", "product", "lookup_keys", "currency", "type")
def list_prices(call: Call) -> Obj:
    """Only active prices unless ``active`` is given: two lists are needed to see all."""
    params = call.params
    keys = params.get("lookup_keys")
    if keys is not None and len(keys) > 10:
        raise invalid("You can pass up to 10 lookup_keys", param="lookup_keys")

    def keep(price: Obj) -> bool:
        fields = all(params.get(name) in (None, price[name]) for name in ("product", "currency", "type"))
        return (
            fields and price["active"] == params.get("active", True) and (keys is None or price["lookup_key"] in keys)
        )

    return listed(call, "prices", keep)


def claim_lookup_key(call: Call, price: Obj) -> None:
    """A lookup_key belongs to one price; ``transfer_lookup_key`` takes it from its holder in the same step."""
    if "lookup_key" not in call.params:
        return
    key = call.params["lookup_key"] or None
    holder = next((p for p in call.world.stripe["prices"].values() if key and p["lookup_key"] == key), None)
    if holder is not None and holder is not price:
        if not call.params.get("transfer_lookup_key"):
            raise invalid(
                f"A price ({holder['id']}) already uses that lookup key.", param="lookup_key", code="lookup_key_taken"
            )
        before = dict(holder)
        holder["lookup_key"] = None
        emit(call, "price.updated", holder, before)
    price["lookup_key"] = key


def is_default(world: World, price: Obj) -> bool:
    product = world.stripe["products"].get(price["product"])
    return product is not None and product["default_price"] == price["id"]


def unit_amounts(params: Obj) -> tuple[int | None, str]:
    """(``unit_amount`` or null where it is not whole, ``unit_amount_decimal``)."""
    if ("unit_amount" in params) == ("unit_amount_decimal" in params):
        raise invalid("You must specify one of unit_amount and unit_amount_decimal", param="unit_amount")
    exact = decimal_of(params, "unit_amount")
    whole = exact == exact.to_integral_value()
    if exact < 0:
        raise invalid("Invalid non-negative integer", param="unit_amount")
    if params["currency"] in ("isk", "ugx") and whole and exact % 100:
        raise invalid("Amounts in this currency must be divisible by 100", param="unit_amount")
    return (int(exact) if whole else None), f"{exact.normalize():f}"


def decimal_of(part: Obj, name: str) -> Decimal:
    raw: Any = part.get(f"{name}_decimal", part.get(name))
    if "e" in str(raw).lower():
        raise invalid(f"Invalid decimal: {raw}; write it without exponent", param=f"{name}_decimal")
    try:
        exact = Decimal(str(raw))
    except ArithmeticError:
        raise invalid(f"Invalid decimal: {raw}", param=f"{name}_decimal") from None
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > 12:
        raise invalid(f"{name}_decimal can have at most 12 decimal places", param=f"{name}_decimal")
    return exact


def recurring(world: World, params: Obj) -> Obj | None:
    """How often; a metered price is of a meter that is active, and no other has one."""
    given = params.get("recurring")
    if given is None:
        return None
    usage_type, meter = given.get("usage_type", "licensed"), given.get("meter")
    if (usage_type == "metered") != bool(meter):
        raise invalid("Metered prices must be backed by meters.", param="recurring[meter]")
    found = get(world, "meters", meter, kind="billing meter", param="recurring[meter]", status=400) if meter else None
    if found is not None and found["status"] != "active":
        raise invalid("The meter is inactive.", param="recurring[meter]")
    return {
        "interval": given["interval"],
        "interval_count": given.get("interval_count", 1),
        "meter": meter,
        "trial_period_days": None,
        "usage_type": usage_type,
    }


def tiers(params: Obj) -> list[Obj]:
    given = params.get("tiers") or []
    if not given or given[-1]["up_to"] != "inf":
        raise invalid("The last tier must have up_to=inf", param="tiers")
    if "tiers_mode" not in params:
        raise invalid("You must specify tiers_mode with tiers", param="tiers_mode")
    result = []
    for tier in given:
        made: Obj = {"up_to": None if tier["up_to"] == "inf" else tier["up_to"]}
        for name in ("unit_amount", "flat_amount"):
            present = name in tier or f"{name}_decimal" in tier
            exact = decimal_of(tier, name) if present else None
            whole = exact is not None and exact == exact.to_integral_value()
            if name == "flat_amount" and exact is not None and not whole:
                raise invalid("A tier's flat amount must be a whole number of minor units", param="tiers")
            made[name] = int(exact) if exact is not None and whole else None
            made[f"{name}_decimal"] = None if exact is None else f"{exact.normalize():f}"
        result.append(made)
    return result


@route("post", "/v1/coupons", "id", "name", "percent_off", "amount_off", "currency", "duration", "duration_in_months",
       "metadata", "currency_options")  # fmt: skip
def create_coupon(call: Call) -> Obj:
    world, params = call.world, call.params
    id = params.get("id") or world.next_id("coupon")
    check_id(id)
    reused = id in world.deleted_coupons and not world.unknowns["coupon_id_reuse"]
    if len(params.get("name") or "") > 40:
        raise invalid("Invalid string: name; must be at most 40 characters", param="name")
    if id in world.stripe["coupons"] or reused:
        raise StripeRefusal(f"Coupon already exists: {id}", code="resource_already_exists", param="id")
    if ("percent_off" in params) == ("amount_off" in params):
        raise invalid("You must pass exactly one of percent_off and amount_off", param="percent_off")
    if "percent_off" in params and not 0 < params["percent_off"] <= 100:
        raise invalid("Invalid percent_off: must be greater than 0 and at most 100", param="percent_off")
    if "amount_off" in params and "currency" not in params:
        raise invalid("Missing required param: currency.", param="currency", code="parameter_missing")
    duration = params.get("duration", "once")
    if (duration == "repeating") != ("duration_in_months" in params):
        raise invalid("duration_in_months goes with duration=repeating", param="duration_in_months")
    coupon = {
        "id": id,
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": world.now,
        "currency": params.get("currency"),
        "currency_options": coupon_options(params),
        "duration": duration,
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": None,
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }
    emit(call, "coupon.created", world.put("coupons", coupon))
    return coupon


def coupon_options(params: Obj) -> Obj:
    """The amounts in every currency, the coupon's own among them."""
    if "amount_off" not in params:
        return {}
    own = {params["currency"]: {"amount_off": params["amount_off"]}}
    return own | {currency: dict(option) for currency, option in params.get("currency_options", {}).items()}


@route("post", "/v1/coupons/{coupon}", "name", "metadata")
def update_coupon(call: Call) -> Obj:
    coupon = get(call.world, "coupons", call.ids[0], kind="coupon", param="coupon")
    before = dict(coupon)
    if "name" in call.params:
        coupon["name"] = call.params["name"] or None
    coupon["metadata"] = merge_metadata(coupon["metadata"], call.params.get("metadata"))
    emit(call, "coupon.updated", coupon, before)
    return coupon


@route("get", "/v1/coupons/{coupon}")
def retrieve_coupon(call: Call) -> Obj:
    return get(call.world, "coupons", call.ids[0], kind="coupon", param="coupon")


@route("delete", "/v1/coupons/{coupon}")
def delete_coupon(call: Call) -> Obj:
    coupon = get(call.world, "coupons", call.ids[0], kind="coupon", param="coupon")
    del call.world.stripe["coupons"][coupon["id"]]
    call.world.deleted_coupons.add(coupon["id"])
    emit(call, "coupon.deleted", coupon)
    return {"id": coupon["id"], "object": "coupon", **DELETED}


@route("get", "/v1/coupons", *PAGING)
def list_coupons(call: Call) -> Obj:
    return listed(call, "coupons")


def empty(param: str) -> StripeRefusal:
    return invalid(
        f"You passed an empty string for '{param}'. It cannot be unset.", param=param, code="parameter_invalid_empty"
    )
