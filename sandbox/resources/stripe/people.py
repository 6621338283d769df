"""Customers, their payment methods, and the account itself."""

from __future__ import annotations

from typing import Any

from sandbox.billing import stopping, taxing
from sandbox.resources.stripe.objects import emit, get, in_range, listed, teller
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj

TEXTS = ("name", "email", "description", "phone")
NO_INVOICE_SETTINGS = {
    "custom_fields": None, "default_payment_method": None, "footer": None, "rendering_options": None,
}  # fmt: skip


@route("get", "/v1/account")
def retrieve_account(call: Call) -> Obj:
    return {"object": "account", **{k: v for k, v in call.world.account.items() if k != "api_version"}}


@route("post", "/v1/customers", *TEXTS, "metadata", "address", "preferred_locales", "invoice_settings", "tax_exempt",
       "test_clock")  # fmt: skip
def create_customer(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = {
        "id": world.next_id("cus"),
        "object": "customer",
        "address": params.get("address"),
        "balance": 0,
        "created": world.now,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": f"S{world.sequence:07d}",
        "invoice_settings": dict(NO_INVOICE_SETTINGS),
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "next_invoice_sequence": 1,
        "preferred_locales": params.get("preferred_locales", []),
        "shipping": None,
        "tax_exempt": params.get("tax_exempt", "none"),
        "test_clock": params.get("test_clock"),
        **{name: params.get(name) or None for name in TEXTS},
    }
    apply_invoice_settings(call, customer)
    emit(call, "customer.created", world.put("customers", customer))
    return customer


@route("post", "/v1/customers/{customer}", *TEXTS, "metadata", "address", "preferred_locales", "invoice_settings",
       "tax_exempt")  # fmt: skip
def update_customer(call: Call) -> Obj:
    customer = living(call)
    before, params = dict(customer), call.params
    for name in (*TEXTS, "address", "preferred_locales", "tax_exempt"):
        if name in params:
            customer[name] = None if params[name] == "" else params[name]
    apply_invoice_settings(call, customer)
    customer["metadata"] = merge_metadata(customer["metadata"], params.get("metadata"))
    taxing.see_location(call.world, customer)
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
        if subscription["customer"] == customer["id"] and subscription["status"] != "canceled":
            stopping.stop(world, subscription, teller(call))
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
    return get(call.world, "events", call.ids[0], kind="event")


@route("get", "/v1/events", *PAGING, "type", "types")
def list_events(call: Call) -> Obj:
    """30 days back, newest first."""
    one, many = call.params.get("type"), call.params.get("types")
    if many is not None and len(many) > 20:
        raise invalid("You can pass up to 20 types", param="types")
    oldest = {"gte": call.world.now - 30 * 86_400}

    def keep(event: Obj) -> bool:
        kind = event["type"]
        exact = one is None or kind == one or (one.endswith("*") and kind.startswith(one[:-1]))
        return exact and (many is None or kind in many) and in_range(event, oldest)

    return listed(call, "events", keep)


def living(call: Call) -> Obj:
    """The customer of the path, unless it was deleted."""
    customer = get(call.world, "customers", call.ids[0], kind="customer")
    if customer.get("deleted"):
        raise invalid(f"No such customer: '{customer['id']}'", param="id", code="resource_missing")
    return customer


def apply_invoice_settings(call: Call, customer: Obj) -> None:
    given: Any = call.params.get("invoice_settings")
    if not given:
        return
    method = given.get("default_payment_method")
    if method:
        found = get(
            call.world, "payment_methods", method, kind="PaymentMethod", param="default_payment_method", status=400
        )
        if found["customer"] != customer["id"]:
            raise invalid("The customer does not have a payment method with this ID", param="invoice_settings")
    customer["invoice_settings"] = customer["invoice_settings"] | given
