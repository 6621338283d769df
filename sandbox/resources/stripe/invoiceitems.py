"""Invoice items: charges outside of subscription items, on a draft or on the next invoice."""

from __future__ import annotations

import copy
from typing import Any

from sandbox.billing import drafts, invoices, taxing
from sandbox.billing.lines import MAX_ITEMS, item_line, room
from sandbox.resources.stripe import payers
from sandbox.resources.stripe.item_contents import change, made
from sandbox.resources.stripe.objects import emit, get, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.refusal import StripeRefusal, invalid
from sandbox.world.state import Obj, World


@route("post", "/v1/invoiceitems", "customer", "invoice", "subscription", "amount", "currency", "pricing", "price_data",
       "quantity", "quantity_decimal", "unit_amount_decimal", "description", "metadata", "period", "discountable",
       "tax_behavior", "tax_code", "tax_rates")  # fmt: skip
def create_invoice_item(call: Call) -> Obj:
    world, params = call.world, call.params
    customer = payers.named(world, params)
    item = made(world, params, customer["id"])
    payers.check_currency(customer, item["currency"])
    subscription = params.get("subscription")
    if subscription:
        found = get(world, "subscriptions", subscription, kind="subscription", param="subscription", status=400)
        if found["customer"] != customer["id"]:
            raise invalid("The subscription belongs to another customer", param="subscription")
    if params.get("invoice"):
        put_on_draft(world, item, params["invoice"])
    emit(call, "invoiceitem.created", world.put("invoiceitems", item))
    return item


def check_place(invoice: Obj, item: Obj) -> None:
    """Refuse an item of another customer or currency than its invoice's (SB 11.12)."""
    if invoice["customer"] != item["customer"]:
        raise invalid("The invoice belongs to another customer", param="invoice")
    if invoice["currency"] != item["currency"]:
        raise invalid("The currency of the invoice item is not that of the invoice", param="currency")


def check_room(invoice: Obj, number: int, *, param: str) -> None:
    """Refuse items over the limit of a draft (SB 3.2)."""
    if room(invoice["lines"]["data"]) < number:
        raise invalid(f"An invoice can have up to {MAX_ITEMS} items", param=param)


def put_on_draft(world: World, item: Obj, invoice_id: str) -> None:
    """Only a draft takes items, of its own customer and currency, and 250 of them."""
    invoice = get(world, "invoices", invoice_id, kind="invoice", param="invoice", status=400)
    if invoice["status"] != "draft":
        raise invalid(
            "Invoice items can only be added to draft invoices.", param="invoice", code="invoice_not_editable"
        )
    check_place(invoice, item)
    check_room(invoice, 1, param="invoice")
    taxing.refuse_item(world, invoice, item)
    item["invoice"] = invoice["id"]
    invoices.add_line(world, invoice, item_line(world, item))
    if world.unknowns["item_moves_finalization"] and invoice["automatically_finalizes_at"]:
        invoice["automatically_finalizes_at"] = max(invoice["automatically_finalizes_at"], world.now + drafts.HOUR)


@route("post", "/v1/invoiceitems/{invoiceitem}", "amount", "quantity", "quantity_decimal", "unit_amount_decimal", "price_data",
       "description", "metadata", "period", "discountable", "tax_behavior", "tax_code", "tax_rates")  # fmt: skip
def update_invoice_item(call: Call) -> Obj:
    """Of an item that is pending or on a draft; its line follows. Stripe has no event of it."""
    world = call.world
    item = known(world, call.ids[0])
    if item.get("gone"):
        raise invalid("This invoice item has been deleted.")
    invoice = world.stripe["invoices"].get(item["invoice"] or "")
    if invoice is not None and invoice["status"] != "draft":
        raise invalid("This invoice item is on a finalized invoice and cannot be changed.", code="invoice_not_editable")
    after = copy.deepcopy(item)
    change(world, after, call.params)
    if invoice is not None:
        taxing.refuse_item(world, invoice, after)
    item |= after
    if invoice is not None:
        data = invoice["lines"]["data"]
        place = next(n for n, line in enumerate(data) if item_of(line) == item["id"])
        data[place] = item_line(world, item) | {"id": data[place]["id"], "invoice": invoice["id"]}
        invoices.add_up(world, invoice)
    return item


def known(world: World, id: str) -> Obj:
    """Return an invoice item; Stripe's words for an unknown one are its own (FACTS_B 53)."""
    found = world.stripe["invoiceitems"].get(id)
    if found is None:
        raise StripeRefusal(
            f"No such Invoice Item: '{id}'(livemode=false)", status=404, code="resource_missing", param="id"
        )
    return found


@route("get", "/v1/invoiceitems/{invoiceitem}")
def retrieve_invoice_item(call: Call) -> Obj:
    return known(call.world, call.ids[0])


@route("delete", "/v1/invoiceitems/{invoiceitem}")
def delete_invoice_item(call: Call) -> Obj:
    """Only while it is on no invoice, or on a draft."""
    world = call.world
    item = known(world, call.ids[0])
    if item.get("gone"):
        raise invalid("Can't delete an invoice item that is attached to an invoice that is no longer editable")
    if item["invoice"]:
        invoice = world.stripe["invoices"][item["invoice"]]
        if invoice["status"] != "draft":
            raise invalid("Can't delete an invoice item that is attached to an invoice that is no longer editable")
        for line in [line for line in invoice["lines"]["data"] if item_of(line) == item["id"]]:
            invoices.remove_line(invoice, line)
        invoices.add_up(world, invoice)
    world.bury("invoiceitems", item)
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
        return (
            not item.get("gone")
            and waiting
            and customer in (None, item["customer"])
            and invoice in (None, item["invoice"])
        )

    return listed(call, "invoiceitems", keep)
