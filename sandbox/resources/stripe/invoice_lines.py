"""The lines of a draft, changed through its invoice (FACTS_B 18-25)."""

from __future__ import annotations

import copy

from sandbox.billing import invoices, taxing
from sandbox.billing.lines import item_line
from sandbox.resources.stripe import invoiceitems, item_contents
from sandbox.resources.stripe.invoices import found, shown
from sandbox.resources.stripe.objects import emit, get
from sandbox.resources.stripe.routes import Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, StripeRefusal, invalid, missing
from sandbox.world.state import Obj

CHANGES = (
    "amount", "description", "discountable", "metadata", "period", "price_data", "pricing", "quantity",
    "quantity_decimal", "tax_rates",
)  # fmt: skip


@route("post", "/v1/invoices/{invoice}/add_lines", "lines", "invoice_metadata")
def add_lines(call: Call) -> Obj:
    """Each line gets an invoice item of its own, or is one that is pending; the newest comes first (SB 3.9)."""
    world, invoice = call.world, draft(call)
    items = [item_of_line(call, invoice, given, f"lines[{n}]") for n, given in enumerate(call.params["lines"])]
    invoiceitems.check_room(invoice, len(items), param="lines")
    for given, item in zip(call.params["lines"], items, strict=True):
        if "invoice_item" not in given:
            emit(call, "invoiceitem.created", world.put("invoiceitems", item))
        item["invoice"] = invoice["id"]
        line = item_line(world, item) | {"invoice": invoice["id"]}
        invoice["lines"]["data"].insert(0, line)
    return changed(call, invoice)


def item_of_line(call: Call, invoice: Obj, given: Obj, place: str) -> Obj:
    """Return the invoice item that a line of a request is or makes; one that is refused leaves the others out as well."""
    world = call.world
    refuse_others(given, {*CHANGES, "invoice_item"})
    if "invoice_item" in given:
        param = f"{place}[invoice_item]"
        item = get(world, "invoiceitems", given["invoice_item"], kind="Invoice Item", param=param, status=400)
    else:
        form = {"currency": invoice["currency"], **given}
        item = item_contents.made(world, form, invoice["customer"], param=f"{place}[pricing][price]")
    invoiceitems.check_place(invoice, item)
    taxing.refuse_item(world, invoice, item)
    return item


@route("post", "/v1/invoices/{invoice}/update_lines", "lines", "invoice_metadata")
def update_lines(call: Call) -> Obj:
    invoice = draft(call)
    for given in call.params["lines"]:
        refuse_others(given, {*CHANGES, "id"})
        tried(call, invoice, given["id"], {k: v for k, v in given.items() if k != "id"})
    for given in call.params["lines"]:
        change(call, invoice, given["id"], {k: v for k, v in given.items() if k != "id"})
    return changed(call, invoice)


@route("post", "/v1/invoices/{invoice}/lines/{line_item_id}", *CHANGES)
def update_line(call: Call) -> Obj:
    """Answer the line, where the others answer the invoice (FACTS_B 21)."""
    invoice = draft(call)
    line = change(call, invoice, call.ids[1], call.params)
    changed(call, invoice)
    return line


@route("post", "/v1/invoices/{invoice}/remove_lines", "lines", "invoice_metadata")
def remove_lines(call: Call) -> Obj:
    """``delete`` takes the item away, ``unassign`` leaves it pending."""
    world, invoice = call.world, draft(call)
    lines = [line_of(invoice, given["id"]) for given in call.params["lines"]]
    items = [world.stripe["invoiceitems"][item_of(line)] for line in lines]
    for given, line, item in zip(call.params["lines"], lines, items, strict=True):
        item["invoice"] = None
        if given["behavior"] == "delete":
            world.bury("invoiceitems", item)
            emit(call, "invoiceitem.deleted", item)
        invoices.remove_line(invoice, line)
    return changed(call, invoice)


def draft(call: Call) -> Obj:
    """Return the invoice of the path, which has to be a draft."""
    invoice = found(call)
    if invoice["status"] != "draft":
        raise StripeRefusal("You can only modify the lines of draft invoices.", code="invoice_not_editable")
    return invoice


def refuse_others(given: Obj, known: set[str]) -> None:
    for name in set(given) - known:
        raise NotModelled(f"lines of invoices: {name}")


def change(call: Call, invoice: Obj, id: str, params: Obj) -> Obj:
    """Change a line and the invoice item behind it; both keep their ids (FACTS_B 19)."""
    line, after = tried(call, invoice, id, params)
    item = call.world.stripe["invoiceitems"][item_of(line)]
    item |= after
    line |= item_line(call.world, item) | {"id": line["id"], "invoice": invoice["id"]}
    return line


def tried(call: Call, invoice: Obj, id: str, params: Obj) -> tuple[Obj, Obj]:
    """Return a line, and what a change makes of the item behind it."""
    line = line_of(invoice, id)
    after = copy.deepcopy(call.world.stripe["invoiceitems"][item_of(line)])
    item_contents.change(call.world, after, params)
    taxing.refuse_item(call.world, invoice, after)
    return line, after


def line_of(invoice: Obj, id: str) -> Obj:
    row: Obj | None = next((line for line in invoice["lines"]["data"] if line["id"] == id), None)
    if row is None:
        raise missing("line item", id, param="line_item_id")
    return row


def item_of(line: Obj) -> str:
    """Return the invoice item behind a line; a line of the subscription itself cannot be changed here (SB 3.8)."""
    id = invoiceitems.item_of(line)
    if id is None:
        raise invalid("You cannot modify a line item of a subscription.", code="invoice_not_editable")
    return id


def changed(call: Call, invoice: Obj) -> Obj:
    """Add the draft up and return it."""
    before = dict(invoice)
    invoices.add_up(call.world, invoice)
    invoice["metadata"] = merge_metadata(invoice["metadata"], call.params.get("invoice_metadata"))
    emit(call, "invoice.updated", invoice, before)
    return shown(call.world, invoice)
