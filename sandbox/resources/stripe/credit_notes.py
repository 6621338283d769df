"""Credit notes: of lines of a finalized invoice, before its payment or after it."""

from __future__ import annotations

from sandbox.resources.stripe.invoices import SHOWN_LINES
from sandbox.resources.stripe.objects import emit, get, listed, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, invalid, missing
from sandbox.world.state import Obj


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
    return with_first_lines(note)


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
    answer = listed(
        call, "credit_notes", lambda n: invoice in (None, n["invoice"]) and customer in (None, n["customer"])
    )
    return answer | {"data": [with_first_lines(note) for note in answer["data"]]}


@route("get", "/v1/credit_notes/{credit_note}/lines", *PAGING - {"created"})
def list_credit_note_lines(call: Call) -> Obj:
    note = get(call.world, "credit_notes", call.ids[0], kind="credit_note")
    return page(call, note["lines"]["data"], f"/v1/credit_notes/{note['id']}/lines")


def with_first_lines(note: Obj) -> Obj:
    """A credit note shows its first ten lines, and says whether there are more."""
    lines = note["lines"]["data"]
    return note | {"lines": note["lines"] | {"data": lines[:SHOWN_LINES], "has_more": len(lines) > SHOWN_LINES}}
