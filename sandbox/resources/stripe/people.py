"""Customers, their payment methods, and the account itself."""

from __future__ import annotations

import copy
import re
from typing import Any

from sandbox.billing import balance, stopping, taxing
from sandbox.resources.stripe import payers
from sandbox.resources.stripe.objects import DERIVED, emit, event_sink, get, in_range, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world import ids
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import StripeRefusal, invalid, missing, only_one
from sandbox.world.state import Obj, World

TEXTS = ("name", "email", "description", "phone")
SETTABLE = (
    *TEXTS, "metadata", "address", "shipping", "preferred_locales", "invoice_settings", "invoice_prefix", "tax_exempt",
    "balance",
)  # fmt: skip
# An account that may charge, whatever the world says of it.
ACCOUNT: Obj = {
    "business_type": None, "charges_enabled": True, "country": "US", "default_currency": "usd", "details_submitted": True,
    "email": None, "payouts_enabled": True, "type": "standard",
}  # fmt: skip
ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
EMAIL = r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
PREFIX = "[A-Z0-9]{1,12}"
ENDED = ("canceled", "incomplete_expired")
EVENTS_KEPT = 30 * 86_400  # seconds
NO_INVOICE_SETTINGS = {
    "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
}  # fmt: skip


@route("get", "/v1/account")
def retrieve_account(call: Call) -> Obj:
    known = {name: value for name, value in call.world.account.items() if name != "api_version"}
    return {"object": "account"} | ACCOUNT | known


@route("post", "/v1/customers", *SETTABLE, "test_clock")
def create_customer(call: Call) -> Obj:
    world, params = call.world, call.params
    check_email(params.get("email"))
    customer = {
        "id": world.next_id("cus"),
        "object": "customer",
        "address": address_of(params.get("address")),
        "balance": 0,
        "created": world.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "customer_account": None,
        "invoice_prefix": own_prefix(world, params.get("invoice_prefix")) or ids.invoice_prefix(world.sequence),
        "invoice_settings": dict(NO_INVOICE_SETTINGS),
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "next_invoice_sequence": 1,
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": shipping_of(params.get("shipping")),
        "tax_exempt": params.get("tax_exempt") or "none",
        "test_clock": params.get("test_clock"),
        **{name: params.get(name) or None for name in TEXTS},
    }
    apply_invoice_settings(call, customer)
    world.put("customers", customer)
    set_balance(call, customer, type="initial")
    emit(call, "customer.created", customer)
    return customer


@route("post", "/v1/customers/{customer}", *SETTABLE)
def update_customer(call: Call) -> Obj:
    customer = living(call)
    before, params = copy.deepcopy(customer), call.params
    check_email(params.get("email"))
    if params.get("invoice_prefix"):
        customer["invoice_prefix"] = own_prefix(call.world, params["invoice_prefix"], customer["id"])
    for name in (*TEXTS, "preferred_locales"):
        if name in params:
            customer[name] = None if params[name] == "" else params[name]
    made = {"address": address_of, "shipping": shipping_of}
    customer |= {name: make(params[name]) for name, make in made.items() if name in params}
    if "tax_exempt" in params:
        customer["tax_exempt"] = params["tax_exempt"] or "none"
    apply_invoice_settings(call, customer)
    customer["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))
    taxing.see_location(call.world, customer)
    set_balance(call, customer, type="adjustment")
    emit(call, "customer.updated", customer, before)
    return customer


@route("get", "/v1/customers/{customer}")
def retrieve_customer(call: Call) -> Obj:
    """A deleted customer is still answered, with 200 and ``deleted: true``."""
    found = get(call.world, "customers", call.ids[0], kind="customer")
    return {k: v for k, v in found.items() if k != "test_clock"} if found.get("deleted") else found


@route("delete", "/v1/customers/{customer}")
def delete_customer(call: Call) -> Obj:
    """Final; cancels the customer's subscriptions at once."""
    world, customer = call.world, living(call)
    for subscription in world.stripe["subscriptions"].values():
        if subscription["customer"] == customer["id"] and subscription["status"] not in ENDED:
            stopping.stop(world, subscription, event_sink(call))
            subscription |= {"status": "canceled", "canceled_at": world.now, "ended_at": world.now}
            emit(call, "customer.subscription.deleted", subscription)
    emit(call, "customer.deleted", customer)
    stone = {"id": customer["id"], "object": "customer", "deleted": True}
    world.put("customers", stone | {"created": customer["created"], "test_clock": customer["test_clock"]})
    return stone


@route("get", "/v1/customers", *PAGING, "email", "test_clock")
def list_customers(call: Call) -> Obj:
    """Without a filter, customers on a test clock are left out."""
    email = call.params.get("email")
    return listed(call, "customers", lambda c: email in (None, c["email"]))


@route("get", "/v1/events/{id}")
def retrieve_event(call: Call) -> Obj:
    """Return an event, which is found for 30 days, and after a while that the world sets (SB 10.5)."""
    event = get(call.world, "events", call.ids[0], kind="event")
    if not is_shown(call.world, event):
        raise missing("event", event["id"])
    if event["created"] < call.world.now - EVENTS_KEPT:
        raise StripeRefusal("This event has aged out of our retention policy.", status=404, param="id")
    return event


@route("get", "/v1/events", *PAGING, "type", "types")
def list_events(call: Call) -> Obj:
    """Return the events of the last 30 days, newest first, without those that Stripe does not show yet (SB 10.5)."""
    one, many = call.params.get("type"), call.params.get("types")
    if one is not None and many is not None:  # "either `type` or `types`, but not both" (types)
        raise only_one("type", "types")
    if many is not None and len(many) > 20:
        raise invalid("You can pass up to 20 types", param="types")
    oldest = {"gte": call.world.now - EVENTS_KEPT}

    def keep(event: Obj) -> bool:
        kind = event["type"]
        exact = one is None or kind == one or (one.endswith("*") and kind.startswith(one[:-1]))
        matches = exact and (many is None or kind in many)
        return matches and in_range(event, oldest) and is_shown(call.world, event)

    return listed(call, "events", keep)


def is_shown(world: World, event: Obj) -> bool:
    """Return whether an event is visible by now: ``limits.event_delay`` seconds after its ``created``, 0 by default.

    One of an object on a test clock has that clock's time, which may lie ahead.
    """
    return not 0 <= world.now - event["created"] < world.limits.get("event_delay", 0)


def living(call: Call) -> Obj:
    """Return the customer of the path, unless it was deleted."""
    customer = get(call.world, "customers", call.ids[0], kind="customer")
    if customer.get("deleted"):
        raise missing("customer", customer["id"])
    return customer


def set_balance(call: Call, customer: Obj, *, type: str) -> None:
    """Set the balance that a request names, with its row in the ledger (documented: a credit is negative)."""
    if "balance" not in call.params:
        return
    currency = str(customer["currency"] or call.world.account.get("default_currency") or ACCOUNT["default_currency"])
    amount = call.params["balance"] - customer["balance"]
    balance.move(call.world, customer["id"], amount, discard_event, type=type, currency=currency)


def discard_event(type: str, obj: Obj, previous: Obj | None = None) -> None:
    """Record no event: the one of the request itself shows the new balance."""


def check_email(email: str | None) -> None:
    """Refuse an address without one @ and a domain of its own, or with other characters than ASCII has."""
    if email and not re.fullmatch(EMAIL, email):
        raise invalid(f"Invalid email address: {email}", param="email", code="email_invalid")


def own_prefix(world: World, prefix: str | None, owner: str | None = None) -> str | None:
    """Return a chosen prefix of invoice numbers that no other customer has (FACTS_B 93-96)."""
    if not prefix:
        return None
    if not re.fullmatch(PREFIX, prefix):
        raise invalid("Invoice number prefix must be 1\u201312 uppercase letters or numbers.")
    for customer in world.stripe["customers"].values():
        if customer.get("invoice_prefix") == prefix and customer["id"] != owner:
            raise invalid(
                f"This invoice number prefix is taken by customer: {customer['id']}. Please enter a different prefix.",
                param="invoice_prefix",
            )
    return prefix


def apply_invoice_settings(call: Call, customer: Obj) -> None:
    given: Any = call.params.get("invoice_settings")
    if not given:
        return
    method, param = given.get("default_payment_method"), "invoice_settings[default_payment_method]"
    payers.check_method(call.world, customer["id"], method, param=param)
    customer["invoice_settings"] = customer["invoice_settings"] | {name: given[name] or None for name in given}


def address_of(given: Any) -> Obj | None:
    """Return an address with every field that Stripe shows of one, None for an empty text or nothing."""
    return {name: given.get(name) or None for name in ADDRESS} if given else None


def shipping_of(given: Any) -> Obj | None:
    """Return where goods are sent: an address, a name and a phone number."""
    if not given:
        return None
    return {"address": address_of(given.get("address")), "name": given.get("name"), "phone": given.get("phone") or None}


def subscriptions_of(world: World, customer: Obj) -> Obj:
    """Return the living subscriptions of a customer, newest first; an answer contains them only on request (types)."""
    rows = [
        copy.deepcopy(s) for s in world.newest_first("subscriptions")
        if s["customer"] == customer["id"] and s["status"] not in ENDED
    ]  # fmt: skip
    return {"object": "list", "data": rows, "has_more": False, "url": f"/v1/customers/{customer['id']}/subscriptions"}


DERIVED["customer", "subscriptions"] = subscriptions_of
