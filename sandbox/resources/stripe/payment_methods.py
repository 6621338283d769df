"""Payment methods: made from test tokens and numbers, attached, changed, detached and listed (FACTS_B 81-92)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any

from sandbox.billing import cards
from sandbox.resources.stripe import people
from sandbox.resources.stripe.objects import emit, get, listed, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, StripeRefusal, invalid, missing
from sandbox.world.state import Obj, World

NO_ADDRESS: Obj = dict.fromkeys(people.ADDRESS)
NO_DETAILS: Obj = {"address": NO_ADDRESS, "email": None, "name": None, "phone": None, "tax_id": None}
COUNTRIES = {"3220": "IE", "3184": "IE", "3155": "IE"}  # of cards that need 3DS (recorded of 3220)
BRANDS = {"4": "visa", "5": "mastercard", "3": "amex"}


@route("post", "/v1/payment_methods", "type", "card", "us_bank_account", "sepa_debit", "klarna", "billing_details",
       "metadata", "allow_redisplay")  # fmt: skip
def create_payment_method(call: Call) -> Obj:
    """Make a method of no customer. There is no event of it (FACTS_B 103)."""
    kind = call.params.get("type")
    if kind is None:
        raise invalid("Missing required param: type.", param="type", code="parameter_missing")
    return call.world.put("payment_methods", made(call.world, kind, call.params))


def made(world: World, kind: str, params: Obj) -> Obj:
    """Return the payment method that these parameters make."""
    return {
        "id": world.next_id("pm"), "object": "payment_method",
        "allow_redisplay": params.get("allow_redisplay", "unspecified"),
        "billing_details": billing_details(NO_DETAILS, params.get("billing_details", {})),
        "created": world.now, "customer": None, "customer_account": None, "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")), "shared_payment_granted_token": None, "type": kind,
        kind: details(world, kind, params.get(kind) or {}),
    }  # fmt: skip


def billing_details(before: Obj, given: Obj) -> Obj:
    """Return the details of a payer after a write; an empty text clears one."""
    address = given.get("address")
    texts = {name: given[name] or None for name in given if name != "address"}
    return before | texts | ({} if address is None else {"address": people.address_of(address) or NO_ADDRESS})


def details(world: World, kind: str, given: Obj) -> Obj:
    """Return what is shown of a card or an account."""
    if kind == "card":
        return card(world, *brand_and_digits(given))
    if kind == "us_bank_account":
        digits = str(given.get("account_number", ""))[-4:]
        return {"last4": digits, "account_type": "checking", "bank_name": "STRIPE TEST BANK", "routing_number": given.get("routing_number")}  # fmt: skip
    if kind == "sepa_debit":
        iban = str(given.get("iban", ""))
        return {"last4": iban[-4:], "country": iban[:2] or None, "bank_code": None, "branch_code": None}
    if kind == "klarna":
        return {}
    raise NotModelled(f"payment methods of type {kind}")


def brand_and_digits(given: Obj) -> tuple[str, str]:
    """Return (brand, last four digits) of a token or a number."""
    if token := given.get("token"):
        found = cards.of_token(str(token))
        if found is None:
            raise missing("token", str(token), param="card[token]", status=400)
        return found
    number = str(given.get("number", "")).replace(" ", "")
    if not number:
        raise invalid("Missing required param: card.", param="card", code="parameter_missing")
    return BRANDS.get(number[0], "unknown"), number[-4:]


def card(world: World, brand: str, last4: str) -> Obj:
    """Return a card as Stripe shows a test card: it expires at the same month of the next year (FACTS_A 56)."""
    now = datetime.fromtimestamp(world.now, UTC)
    country = COUNTRIES.get(last4, "US")
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"}
    return {
        "brand": brand, "checks": checks, "country": country, "display_brand": brand, "exp_month": now.month,
        "exp_year": now.year + 1, "fingerprint": hashlib.sha256(f"{brand}{last4}".encode()).hexdigest()[:16],
        "funding": "credit", "generated_from": None, "last4": last4,
        "networks": {"available": [brand], "preferred": None}, "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True}, "wallet": None,
    }  # fmt: skip


@route("get", "/v1/payment_methods/{payment_method}")
def retrieve_payment_method(call: Call) -> Obj:
    return get(call.world, "payment_methods", call.ids[0], kind="PaymentMethod")


@route("post", "/v1/payment_methods/{payment_method}", "allow_redisplay", "billing_details", "metadata", "card")
def update_payment_method(call: Call) -> Obj:
    method = get(call.world, "payment_methods", call.ids[0], kind="PaymentMethod")
    before, params = dict(method), call.params
    if "allow_redisplay" in params:
        method["allow_redisplay"] = params["allow_redisplay"]
    details = method.get("billing_details", NO_DETAILS)
    method["billing_details"] = billing_details(details, params.get("billing_details", {}))
    if "card" in params and "card" not in method:
        raise NotModelled(f"card of a payment method of type {method['type']}")
    if "card" in params:
        method["card"] = method["card"] | {k: v for k, v in params["card"].items() if k in ("exp_month", "exp_year")}
    method["metadata"] = merge_metadata(method["metadata"], params.get("metadata"))
    emit(call, "payment_method.updated", method, before)
    return method


@route("get", "/v1/payment_methods", *PAGING - {"created"}, "customer", "type", "allow_redisplay")
def list_payment_methods(call: Call) -> Obj:
    """Without a customer the list is empty (FACTS_B 86)."""
    customer = call.params.get("customer")
    if customer is not None:
        living(call.world, customer, param="customer", status=400)
    shown = call.params.get("allow_redisplay")

    def keep(method: Obj) -> bool:
        right = customer is not None and method["customer"] == customer
        right = right and call.params.get("type") in (None, method["type"])
        return right and shown in (None, method.get("allow_redisplay"))

    return listed(call, "payment_methods", keep)


@route("get", "/v1/customers/{customer}/payment_methods", *PAGING - {"created"}, "type", "allow_redisplay")
def list_customer_payment_methods(call: Call) -> Obj:
    customer = living(call.world, call.ids[0], param="id", status=404)
    filters = {name: call.params[name] for name in ("type", "allow_redisplay") if name in call.params}
    rows = [
        method
        for method in call.world.newest_first("payment_methods")
        if method["customer"] == customer["id"] and all(method.get(name) == value for name, value in filters.items())
    ]
    return page(call, rows, f"/v1/customers/{customer['id']}/payment_methods")


@route("get", "/v1/customers/{customer}/payment_methods/{payment_method}")
def retrieve_customer_payment_method(call: Call) -> Obj:
    """Refuse a method of another customer without its name (FACTS_B 84)."""
    customer = living(call.world, call.ids[0], param="id", status=404)
    method = get(call.world, "payment_methods", call.ids[1], kind="PaymentMethod", param="payment_method")
    if method["customer"] != customer["id"]:
        raise StripeRefusal("Invalid request", status=404, param="customer")
    return method


@route("post", "/v1/payment_methods/{payment_method}/attach", "customer")
def attach_payment_method(call: Call) -> Obj:
    """The customer is looked at before the method (FACTS_B 90); a card that declines cannot be attached, but 0341 (FACTS_B 83)."""
    if not call.params.get("customer"):
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = living(call.world, call.params["customer"], param="customer", status=400)
    method = test_method(call.world, call.ids[0]) or get(
        call.world, "payment_methods", call.ids[0], kind="PaymentMethod"
    )
    if method["customer"] not in (None, customer["id"]):
        raise invalid("The payment method you provided has already been attached to a customer.")
    if method.get("detached"):
        raise invalid(
            "This PaymentMethod was previously used without being attached to a Customer or was detached from a Customer, "
            "and may not be used again."
        )
    if not cards.is_attachable(method):
        raise cards.declined(
            cards.answer_of(method), advice_code="try_again_later", network_decline_code="01", param=""
        )
    if method["customer"] is None:
        method["customer"] = customer["id"]
        if "checks" in (method.get("card") or {}):
            method["card"]["checks"] = method["card"]["checks"] | {"cvc_check": "pass"}
        emit(call, "payment_method.attached", method)
    return method


def test_method(world: World, id: str) -> Obj | None:
    """Return a new card for a test id such as ``pm_card_visa``, None for any other id."""
    if not id.startswith("pm_card_") or id in world.stripe["payment_methods"]:
        return None
    found = cards.of_token(id)
    return world.put("payment_methods", made(world, "card", {"card": {"token": id}})) if found else None


@route("post", "/v1/payment_methods/{payment_method}/detach")
def detach_payment_method(call: Call) -> Obj:
    """Detach a method, also as a default; it can never be attached again (documented: detach)."""
    method = get(call.world, "payment_methods", call.ids[0], kind="PaymentMethod")
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer so detachment is impossible.")
    before = dict(method)
    forget(call.world, method)
    method |= {"customer": None, "detached": True}
    emit(call, "payment_method.detached", method, before)
    return method


def forget(world: World, method: Obj) -> None:
    """Take a method away wherever it is the default."""
    settings: Any = world.stripe["customers"][method["customer"]].get("invoice_settings") or {}
    for holder in (settings, *world.stripe["subscriptions"].values()):
        if holder.get("default_payment_method") == method["id"]:
            holder["default_payment_method"] = None


def living(world: World, id: str, *, param: str, status: int) -> Obj:
    """Return a customer, unless it is unknown or deleted (FACTS_B 85, 91)."""
    customer = world.stripe["customers"].get(id)
    if customer is None or customer.get("deleted"):
        raise missing("customer", id, param=param, status=status)
    return customer
