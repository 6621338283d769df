"""Invoice items: what is charged besides the items of subscriptions, on a draft or on the next invoice."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.billing import amounts, invoices
from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import invalid, missing
from sandbox.world.state import Obj, World

MAX_ON_INVOICE = 250


@route("post", "/v1/invoiceitems", "customer", "invoice", "subscription", "amount", "currency", "pricing", "quantity",
       "quantity_decimal", "unit_amount_decimal", "description", "metadata", "period", "discountable", "tax_behavior",
       "tax_code")  # fmt: skip
def create_invoice_item(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = get(world, "customers", params.get("customer", ""), kind="customer", param="customer", status=400)
    if customer.get("deleted"):
        raise missing("customer", customer["id"], param="customer", status=400)
    item = made(world, params, customer["id"])
    subscription = params.get("subscription")
    if subscription:
        found = get(world, "subscriptions", subscription, kind="subscription", param="subscription", status=400)
        if found["customer"] != customer["id"]:
            raise invalid("The subscription belongs to another customer", param="subscription")
    if params.get("invoice"):
        put_on_draft(world, item, params["invoice"])
    emit(call, "invoiceitem.created", world.put("invoiceitems", item))
    return item


def made(world: World, params: Obj, customer: str) -> Obj:
    """The item that these parameters make: an amount, or a quantity at a unit amount or a price."""
    quantity = Decimal(str(params.get("quantity_decimal", params.get("quantity", 1))))
    price = None
    if "pricing" in params:
        price = get(world, "prices", str(params["pricing"].get("price")), kind="price", param="pricing", status=400)
        if price["recurring"] is not None:
            raise invalid("The price specified is set to `type=recurring` but this field only accepts prices with "
                          "`type=one_time`.", param="pricing[price]")  # fmt: skip
        if not price["active"]:
            raise invalid("The price specified is inactive. This field only accepts active prices.", param="pricing")
        currency, amount = price["currency"], amounts.amount(price, int(quantity))
        unit: str | None = price["unit_amount_decimal"]
    elif "unit_amount_decimal" in params:
        currency, unit = currency_of(params), f"{Decimal(str(params['unit_amount_decimal'])):f}"
        amount = amounts.round_half_up(quantity * Decimal(unit))
    elif "amount" in params:
        currency, amount = currency_of(params), params["amount"]
        unit = str(amount)
    else:
        raise invalid("You must specify one of amount, unit_amount_decimal or pricing", param="amount")
    period = params.get("period") or {"start": world.now, "end": world.now}
    details = {"price": price["id"], "product": price["product"]} if price else None
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
        "description": params.get("description"),
        "discountable": params.get("discountable", amount >= 0),
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": merge_metadata({}, params.get("metadata")),
        "net_amount": amount,
        "parent": parent(subscription),
        "period": period,
        "pricing": {"type": "price_details", "price_details": details, "unit_amount_decimal": unit},
        "proration": False,
        "proration_details": None,
        "quantity": int(quantity),
        "quantity_decimal": f"{quantity.normalize():f}",
        "tax_rates": [],
        "test_clock": None,
    }


def currency_of(params: Obj) -> str:
    if "currency" not in params:
        raise invalid("Missing required param: currency.", param="currency", code="parameter_missing")
    return str(params["currency"])


def parent(subscription: str | None) -> Obj | None:
    if subscription is None:
        return None
    return {
        "type": "subscription_details",
        "subscription_details": {"subscription": subscription, "subscription_item": None},
    }


def put_on_draft(world: World, item: Obj, invoice_id: str) -> None:
    """Only a draft takes items, of its own customer and currency, and 250 of them."""
    invoice = get(world, "invoices", invoice_id, kind="invoice", param="invoice", status=400)
    if invoice["status"] != "draft":
        raise invalid(
            "Invoice items can only be added to draft invoices.", param="invoice", code="invoice_not_editable"
        )
    if invoice["customer"] != item["customer"]:
        raise invalid("The invoice belongs to another customer", param="invoice")
    if invoice["currency"] != item["currency"]:
        raise invalid("The currency of the invoice item is not that of the invoice", param="currency")
    if sum(line["parent"]["type"] == "invoice_item_details" for line in invoice["lines"]["data"]) >= MAX_ON_INVOICE:
        raise invalid(f"An invoice can have up to {MAX_ON_INVOICE} items", param="invoice")
    item["invoice"] = invoice["id"]
    invoices.add_line(world, invoice, invoices.item_line(world, item))


@route("get", "/v1/invoiceitems/{invoiceitem}")
def retrieve_invoice_item(call: Call) -> Obj:
    return get(call.world, "invoiceitems", call.ids[0], kind="invoiceitem")


@route("delete", "/v1/invoiceitems/{invoiceitem}")
def delete_invoice_item(call: Call) -> Obj:
    """Only while it is on no invoice, or on a draft."""
    world = call.world
    item = get(world, "invoiceitems", call.ids[0], kind="invoiceitem")
    if item["invoice"]:
        invoice = world.stripe["invoices"][item["invoice"]]
        if invoice["status"] != "draft":
            raise invalid("This invoice item is on a finalized invoice and cannot be deleted.")
        lines = invoice["lines"]
        lines["data"] = [line for line in lines["data"] if item_of(line) != item["id"]]
        invoices.add_up(world, invoice)
    del world.stripe["invoiceitems"][item["id"]]
    emit(call, "invoiceitem.deleted", item)
    return {"id": item["id"], "object": "invoiceitem", "deleted": True}


def item_of(line: Obj) -> str | None:
    details: Any = line["parent"]["invoice_item_details"]
    return details["invoice_item"] if details else None


@route("get", "/v1/invoiceitems", *PAGING, "customer", "invoice", "pending")
def list_invoice_items(call: Call) -> Obj:
    customer, invoice, pending = (call.params.get(name) for name in ("customer", "invoice", "pending"))

    def keep(item: Obj) -> bool:
        waiting = pending is None or pending == (item["invoice"] is None)
        return waiting and customer in (None, item["customer"]) and invoice in (None, item["invoice"])

    return listed(call, "invoiceitems", keep)
