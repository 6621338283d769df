"""Coupons: made, renamed and deleted; their terms never change."""

from __future__ import annotations

from decimal import Decimal

from sandbox.resources.stripe.objects import DERIVED, emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world import currencies, ids
from sandbox.world.forms import check_own_id, merge_metadata
from sandbox.world.refusal import StripeRefusal, invalid, not_in_future
from sandbox.world.state import Obj, World

FIVE_YEARS = 5 * 366 * 86_400


@route("post", "/v1/coupons", "id", "name", "percent_off", "amount_off", "currency", "duration", "duration_in_months",
       "metadata", "currency_options", "applies_to", "max_redemptions", "redeem_by")  # fmt: skip
def create_coupon(call: Call) -> Obj:
    world, params = call.world, call.params
    check_value(params)
    check_terms(world, params)
    coupon = {
        "id": new_id(world, params),
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "applies_to": {"products": products_of(world, params)} if "applies_to" in params else None,
        "created": world.now,
        "currency": currencies.check(params["currency"]) if "currency" in params else None,
        "currency_options": coupon_options(params),
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": params.get("redeem_by"),
        "times_redeemed": 0,
        "valid": True,
    }
    emit(call, "coupon.created", world.put("coupons", coupon))
    return coupon


def new_id(world: World, params: Obj) -> str:
    """Return the id that was chosen, or one of 8 letters and digits (FACTS_A 90)."""
    if not params.get("id"):
        world.sequence += 1
        return ids.coupon_id(world.sequence)
    id = check_own_id(params["id"])
    reused = id in world.deleted_coupons and not world.unknowns["coupon_id_reuse"]
    if id in world.stripe["coupons"] or reused:
        raise StripeRefusal("Coupon already exists.", code="resource_already_exists")
    return id


def check_value(params: Obj) -> None:
    """Refuse a coupon that does not have exactly one of a percentage and an amount with its currency (FACTS_A 91, 92)."""
    if "percent_off" not in params and "amount_off" not in params:
        raise invalid("Must provide percent_off or amount_off.", code="parameter_missing")
    if "percent_off" in params and "amount_off" in params:
        raise invalid("Received both percent_off and amount_off parameters. Please pass in only one.")
    if "percent_off" in params:
        check_percentage(params["percent_off"])
        if params.get("currency_options"):
            raise invalid(
                "You may only specify one of these parameters: currency_options, percent_off.", param="currency_options"
            )
    if "amount_off" in params:
        if "currency" not in params:
            raise invalid("You must pass currency when passing amount_off", param="currency")
        if params["amount_off"] < 1:
            raise currencies.at_least("amount_off", 1, params["amount_off"])
        currencies.check_amount(params["amount_off"], "amount_off")


def check_percentage(percent: float) -> None:
    """Refuse a percentage that is not between 0.01 and 100, or of more than two places."""
    if percent < 0.01:
        raise currencies.at_least("percent_off", 0.01, float(percent))
    if percent > 100:
        raise currencies.at_most("percent_off", 100, float(percent))
    if Decimal(str(percent)) != round(Decimal(str(percent)), 2):
        raise invalid(f"Invalid decimal: {percent}; must contain at maximum two decimal places.", param="percent_off")


def check_terms(world: World, params: Obj) -> None:
    """Refuse terms that a coupon cannot have: its duration, how often and until when it is redeemed, its name."""
    duration, months = params.get("duration", "once"), params.get("duration_in_months")
    if duration == "repeating" and months is None:
        raise invalid(
            "The duration_in_months param must be set when creating a coupon with a repeating duration",
            param="duration",
        )
    if duration != "repeating" and months is not None:
        raise invalid("duration_in_months goes with duration=repeating", param="duration_in_months")
    for name in ("duration_in_months", "max_redemptions"):
        if params.get(name) is not None and params[name] < 1:
            raise currencies.at_least(name, 1, params[name])
    until = params.get("redeem_by")
    if until is not None and until <= world.now:
        raise not_in_future("redeem_by", until)
    if until is not None and until > world.now + FIVE_YEARS:
        raise invalid("Invalid timestamp: can be no more than five years in the future.", param="redeem_by")


def products_of(world: World, params: Obj) -> list[str]:
    """Return the products that a coupon is limited to."""
    products: list[str] = params["applies_to"].get("products", [])
    for index, id in enumerate(products):
        get(world, "products", id, kind="product", param=f"applies_to[products][{index}]", status=400)
    return products


def coupon_options(params: Obj) -> Obj:
    """Return the amounts in every currency, the coupon's own among them."""
    if "amount_off" not in params:
        return {}
    own = {params["currency"]: {"amount_off": params["amount_off"]}}
    for currency in params.get("currency_options", {}):
        currencies.check_key(currency, "currency_options")
    return own | {currency: dict(option) for currency, option in params.get("currency_options", {}).items()}


@route("post", "/v1/coupons/{coupon}", "name", "metadata")
def update_coupon(call: Call) -> Obj:
    coupon = get(call.world, "coupons", call.ids[0], kind="coupon")
    before = dict(coupon)
    if "name" in call.params:
        coupon["name"] = call.params["name"] or None
    coupon["metadata"] = merge_metadata(coupon["metadata"], call.params.get("metadata"))
    emit(call, "coupon.updated", coupon, before)
    return coupon


@route("get", "/v1/coupons/{coupon}")
def retrieve_coupon(call: Call) -> Obj:
    return get(call.world, "coupons", call.ids[0], kind="coupon")


@route("delete", "/v1/coupons/{coupon}")
def delete_coupon(call: Call) -> Obj:
    """Delete a coupon; the discounts that it gave go on. The event shows it invalid (FACTS_A 99)."""
    coupon = get(call.world, "coupons", call.ids[0], kind="coupon")
    call.world.bury("coupons", coupon)
    call.world.deleted_coupons.add(coupon["id"])
    for discount in call.world.stripe["discounts"].values():
        if (discount.get("source") or {}).get("coupon") == coupon["id"]:
            discount["coupon_deleted"] = True
    emit(call, "coupon.deleted", coupon | {"valid": False})
    return {"id": coupon["id"], "object": "coupon", "deleted": True}


def source_of(world: World, discount: Obj) -> Obj:
    """Return the ``source`` of a discount: the coupon that it was made of, although its id may be used again (SB 9.4)."""
    source: Obj = dict(discount.get("source") or {})
    if discount.get("coupon_deleted"):
        source["coupon"] = {"id": source["coupon"], "object": "coupon", "deleted": True}
    return source


DERIVED["discount", "source"] = source_of


@route("get", "/v1/coupons", *PAGING)
def list_coupons(call: Call) -> Obj:
    return listed(call, "coupons")
