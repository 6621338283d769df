"""Invoices: read, changed while they are drafts, voided and credited after that."""

from __future__ import annotations

from sandbox.billing import invoices, stopping
from sandbox.resources.stripe.objects import emit, get, listed, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, invalid, missing
from sandbox.world.state import Obj

SHOWN_LINES = 10
YEARS_AHEAD = 5 * 366 * 86_400


def with_first_lines(invoice: Obj) -> Obj:
    """An invoice shows its first ten lines, and says whether there are more."""
    lines = invoice["lines"]
    return invoice | {
        "lines": lines | {"data": lines["data"][:SHOWN_LINES], "has_more": len(lines["data"]) > SHOWN_LINES}
    }


@route("get", "/v1/invoices/{invoice}")
def retrieve_invoice(call: Call) -> Obj:
    return with_first_lines(get(call.world, "invoices", call.ids[0], kind="invoice"))


@route("post", "/v1/invoices", "customer", "currency", "collection_method", "days_until_due", "auto_advance", "metadata",
       "pending_invoice_items_behavior", "description")  # fmt: skip
def create_invoice(call: Call) -> Obj:
    """A draft of its own, of no subscription and empty."""
    world, params = call.world, call.params
    customer = get(world, "customers", params.get("customer", ""), kind="customer", param="customer", status=400)
    if customer.get("deleted"):
        raise missing("customer", customer["id"], param="customer", status=400)
    if params.get("pending_invoice_items_behavior", "exclude") != "exclude":
        raise NotModelled("invoices that take what is pending")
    method = params.get("collection_method", "charge_automatically")
    if method == "send_invoice" and "days_until_due" not in params:
        raise invalid("You must pass days_until_due or due_date with collection_method=send_invoice",
                      param="days_until_due", code="parameter_missing")  # fmt: skip
    invoice = invoices.standalone(world, customer, params.get("currency") or customer["currency"], method)
    invoice["auto_advance"] = bool(params.get("auto_advance", False))
    invoice["automatically_finalizes_at"] = world.now + invoices.GRACE if invoice["auto_advance"] else None
    invoice["description"] = params.get("description")
    invoice["metadata"] = merge_metadata({}, params.get("metadata"))
    emit(call, "invoice.created", world.put("invoices", invoice))
    return with_first_lines(invoice)


@route("post", "/v1/invoices/{invoice}", "automatically_finalizes_at", "auto_advance", "description", "metadata")
def update_invoice(call: Call) -> Obj:
    """When a draft is finalized; of a finalized invoice the metadata alone."""
    world, params = call.world, call.params
    invoice = get(world, "invoices", call.ids[0], kind="invoice")
    before = dict(invoice)
    if invoice["status"] != "draft" and set(params) - {"metadata", "expand"}:
        raise invalid("Finalized invoices can't be updated in this way", code="invoice_not_editable")
    if "automatically_finalizes_at" in params:
        moment = params["automatically_finalizes_at"]
        if not world.unknowns["finalization_moves"]:
            raise invalid(
                "automatically_finalizes_at cannot be set on an invoice of a subscription.",
                param="automatically_finalizes_at",
            )
        if not isinstance(moment, int) or not world.now < moment <= world.now + YEARS_AHEAD:
            raise invalid("automatically_finalizes_at must be in the future and at most five years ahead",
                          param="automatically_finalizes_at")  # fmt: skip
        invoice |= {"automatically_finalizes_at": moment, "auto_advance": True}
    if "auto_advance" in params:
        on = bool(params["auto_advance"])
        if on:
            stopping.check_advance(world, invoice)
        invoice |= {"auto_advance": on, "automatically_finalizes_at": world.now + 3600 if on else None}
    if "description" in params:
        invoice["description"] = params["description"] or None
    invoice["metadata"] = merge_metadata(invoice["metadata"], params.get("metadata"))
    emit(call, "invoice.updated", invoice, before)
    return with_first_lines(invoice)


@route("post", "/v1/invoices/{invoice}/void")
def void_invoice(call: Call) -> Obj:
    """Only of an open or uncollectible invoice."""
    world = call.world
    invoice = get(world, "invoices", call.ids[0], kind="invoice")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(f"This invoice is {invoice['status']}; only open and uncollectible invoices can be voided.")
    invoice |= {"status": "void", "amount_remaining": 0}
    invoice["status_transitions"] = invoice["status_transitions"] | {"voided_at": world.now}
    emit(call, "invoice.voided", invoice)
    return with_first_lines(invoice)


@route("post", "/v1/credit_notes", "invoice", "lines", "memo", "metadata")
def create_credit_note(call: Call) -> Obj:
    """Of lines of a finalized invoice, by amount."""
    world = call.world
    invoice = get(world, "invoices", call.params["invoice"], kind="invoice", param="invoice", status=400)
    if invoice["status"] not in ("open", "paid"):
        raise invalid("You can only create a credit note for an open or paid invoice.", param="invoice")
    known = {line["id"]: line for line in invoice["lines"]["data"]}
    lines = []
    for given in call.params.get("lines", []):
        if given["type"] != "invoice_line_item" or "amount" not in given:
            raise NotModelled("credit notes of anything but amounts of invoice lines")
        line = known.get(given.get("invoice_line_item", ""))
        if line is None:
            raise missing("line_item", str(given.get("invoice_line_item")), param="lines", status=400)
        if given["amount"] > line["amount"]:
            raise invalid("The credit is more than the line's amount.", param="lines")
        lines.append(credited(world.next_id("cnli"), line, given["amount"]))
    if not lines:
        raise NotModelled("credit notes without lines")
    total = sum(line["amount"] for line in lines)
    paid = invoice["status"] == "paid"
    nothing = ("customer_account", "customer_balance_transaction", "effective_at", "out_of_band_amount", "reason",
               "shipping_cost", "voided_at")  # fmt: skip
    fields: Obj = dict.fromkeys(nothing)
    note = fields | {
        "id": world.next_id("cn"), "object": "credit_note", "amount": total, "amount_shipping": 0, "created": world.now,
        "currency": invoice["currency"], "customer": invoice["customer"], "discount_amount": 0, "discount_amounts": [],
        "invoice": invoice["id"], "livemode": False, "memo": call.params.get("memo"),
        "metadata": merge_metadata({}, call.params.get("metadata")), "number": f"{invoice['id']}-CN", "pdf": "",
        "post_payment_amount": total if paid else 0, "pre_payment_amount": 0 if paid else total,
        "pretax_credit_amounts": [], "refunds": [], "status": "issued", "subtotal": total,
        "subtotal_excluding_tax": total, "total": total, "total_excluding_tax": total, "total_taxes": [],
        "type": "post_payment" if paid else "pre_payment",
        "lines": {"object": "list", "data": lines, "has_more": False, "url": "/v1/credit_notes/lines"},
    }  # fmt: skip
    which = "post_payment_credit_notes_amount" if paid else "pre_payment_credit_notes_amount"
    invoice[which] += total
    if not paid:
        invoice |= {
            "amount_due": invoice["amount_due"] - total,
            "amount_remaining": invoice["amount_remaining"] - total,
        }
    emit(call, "credit_note.created", world.put("credit_notes", note))
    return note


def credited(id: str, line: Obj, amount: int) -> Obj:
    return {
        "id": id, "object": "credit_note_line_item", "amount": amount, "description": line["description"],
        "discount_amount": 0, "discount_amounts": [], "invoice_line_item": line["id"], "livemode": False, "metadata": {},
        "pretax_credit_amounts": [], "quantity": None, "tax_rates": [], "taxes": [], "type": "invoice_line_item",
        "unit_amount": None, "unit_amount_decimal": None,
    }  # fmt: skip


@route("get", "/v1/credit_notes", *PAGING, "invoice", "customer")
def list_credit_notes(call: Call) -> Obj:
    invoice, customer = call.params.get("invoice"), call.params.get("customer")
    return listed(call, "credit_notes", lambda n: invoice in (None, n["invoice"]) and customer in (None, n["customer"]))


@route("get", "/v1/invoices", *PAGING, "customer", "status", "subscription")
def list_invoices(call: Call) -> Obj:
    customer, status, subscription = (call.params.get(name) for name in ("customer", "status", "subscription"))

    def keep(invoice: Obj) -> bool:
        of = ((invoice["parent"] or {}).get("subscription_details") or {}).get("subscription")
        return (
            customer in (None, invoice["customer"])
            and status in (None, invoice["status"])
            and subscription in (None, of)
        )

    answer = listed(call, "invoices", keep)
    return answer | {"data": [with_first_lines(invoice) for invoice in answer["data"]]}


@route("get", "/v1/invoices/{invoice}/lines", *PAGING - {"created"})
def list_invoice_lines(call: Call) -> Obj:
    invoice = get(call.world, "invoices", call.ids[0], kind="invoice")
    return page(call, invoice["lines"]["data"], f"/v1/invoices/{invoice['id']}/lines")
