"""Promotion codes: codes that customers enter for a coupon (FACTS_A 93-95). Redemption is not modelled."""

from __future__ import annotations

import re

from sandbox.resources.stripe.coupons import FIVE_YEARS
from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world import ids
from sandbox.world.forms import merge_metadata, mismatch
from sandbox.world.refusal import NotModelled, invalid, not_in_future
from sandbox.world.state import Obj, World

CODE = r"[a-zA-Z0-9\-_]+"


@route("post", "/v1/promotion_codes", "promotion", "code", "customer", "active", "expires_at", "max_redemptions",
       "metadata", "restrictions")  # fmt: skip
def create_promotion_code(call: Call) -> Obj:
    world, params = call.world, call.params
    coupon = coupon_of(world, params["promotion"])
    if params.get("customer"):
        get(world, "customers", params["customer"], kind="customer", param="customer", status=400)
    check_expiry(world, params.get("expires_at"))
    code = {
        "id": world.next_id("promo"),
        "object": "promotion_code",
        "active": params.get("active", True),
        "code": code_of(world, params.get("code")),
        "created": world.now,
        "customer": params.get("customer"),
        "customer_account": None,
        "expires_at": params.get("expires_at"),
        "livemode": False,
        "max_redemptions": params.get("max_redemptions"),
        "metadata": merge_metadata({}, params.get("metadata")),
        "promotion": {"coupon": coupon, "type": "coupon"},
        "restrictions": restrictions(params.get("restrictions", {})),
        "times_redeemed": 0,
    }
    emit(call, "promotion_code.created", world.put("promotion_codes", code))
    return code


def coupon_of(world: World, promotion: Obj) -> str:
    """Return the id of the coupon that a code is for."""
    if "coupon" not in promotion:
        raise invalid("You must pass promotion.coupon when passing promotion", param="promotion.coupon")
    coupon = get(world, "coupons", promotion["coupon"], kind="coupon", param="promotion[coupon]", status=400)
    return str(coupon["id"])


def code_of(world: World, given: str | None) -> str:
    """Return the code as it was given, or 8 capitals and digits; one that is active already is refused."""
    if not given:
        world.sequence += 1
        return ids.invoice_prefix(world.sequence)
    if not re.fullmatch(CODE, given):
        raise mismatch("code", CODE, given)
    if any(c["active"] and c["code"].lower() == given.lower() for c in world.stripe["promotion_codes"].values()):
        raise invalid(f"An active promotion code with `code: {given}` already exists.")
    return given


def check_expiry(world: World, until: int | None) -> None:
    if until is not None and until <= world.now:
        raise not_in_future("expires_at", until)
    if until is not None and until > world.now + FIVE_YEARS:
        raise invalid("Invalid timestamp: can be no more than five years in the future.", param="expires_at")


def restrictions(given: Obj) -> Obj:
    if "currency_options" in given:
        raise NotModelled("promotion codes: restrictions[currency_options]")
    unset: Obj = {"first_time_transaction": False, "minimum_amount": None, "minimum_amount_currency": None}
    return unset | given


@route("post", "/v1/promotion_codes/{promotion_code}", "active", "metadata")
def update_promotion_code(call: Call) -> Obj:
    code = get(call.world, "promotion_codes", call.ids[0], kind="promotion code")
    before = dict(code)
    code["active"] = call.params.get("active", code["active"])
    code["metadata"] = merge_metadata(code["metadata"], call.params.get("metadata"))
    emit(call, "promotion_code.updated", code, before)
    return code


@route("get", "/v1/promotion_codes/{promotion_code}")
def retrieve_promotion_code(call: Call) -> Obj:
    return get(call.world, "promotion_codes", call.ids[0], kind="promotion code")


@route("get", "/v1/promotion_codes", *PAGING, "active", "code", "coupon", "customer")
def list_promotion_codes(call: Call) -> Obj:
    params = call.params

    def keep(code: Obj) -> bool:
        own = {name: code[name] for name in ("active", "code", "customer")} | {"coupon": code["promotion"]["coupon"]}
        return all(params.get(name) in (None, value) for name, value in own.items())

    return listed(call, "promotion_codes", keep)
