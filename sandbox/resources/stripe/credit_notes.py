"""Credit notes: of lines of a finalized invoice, before its payment or after it."""

from __future__ import annotations

from dataclasses import replace

from sandbox.billing import balance, payments, rates
from sandbox.resources.stripe import refunds
from sandbox.resources.stripe.invoices import SHOWN_LINES
from sandbox.resources.stripe.objects import emit, event_sink, get, listed, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, invalid, missing
from sandbox.world.state import Obj, World

WAYS = ("credit_amount", "refund_amount", "out_of_band_amount")
NOTHING = (
    "customer_account", "customer_balance_transaction", "effective_at", "out_of_band_amount", "shipping_cost", "voided_at",
)  # fmt: skip


@route("post", "/v1/credit_notes", "invoice", "lines", "memo", "metadata", "reason", *WAYS)
def create_credit_note(call: Call) -> Obj:
    """Of lines of a finalized invoice, by amount: before the payment it lowers what is due, after it the money goes back."""
    world = call.world
    invoice = get(world, "invoices", call.params["invoice"], kind="invoice", param="invoice", status=400)
    if invoice["status"] not in ("open", "paid"):
        raise invalid("You can only create a credit note for an open or paid invoice.", param="invoice")
    lines = credited_lines(call, invoice)
    total = sum(line["amount"] + rates.added(line["taxes"]) for line in lines)
    note = world.put("credit_notes", made(call, invoice, lines, total))
    if invoice["status"] == "paid":
        check_ways(call.params, total)
        give_back(call, invoice, note)
        invoice["post_payment_credit_notes_amount"] += total
    else:
        lower(call, invoice, total)
    emit(call, "credit_note.created", note)
    return with_first_lines(note)


def credited_lines(call: Call, invoice: Obj) -> list[Obj]:
    """Return what is credited of which lines."""
    known = {line["id"]: line for line in invoice["lines"]["data"]}
    lines = []
    for given in call.params.get("lines", []):
        if given["type"] != "invoice_line_item" or "amount" not in given:
            raise NotModelled("credit notes of anything but amounts of invoice lines")
        line = known.get(given.get("invoice_line_item", ""))
        if line is None:
            raise missing("line_item", str(given.get("invoice_line_item")), param="lines", status=400)
        if given["amount"] > line["amount"] + rates.added(line["taxes"]):
            raise invalid("The credit is more than the line's amount.", param="lines")
        lines.append(credited(call.world.next_id("cnli"), line, given["amount"]))
    if not lines:
        raise NotModelled("credit notes without lines")
    return lines


def made(call: Call, invoice: Obj, lines: list[Obj], total: int) -> Obj:
    """Return the credit note of these lines."""
    paid = invoice["status"] == "paid"
    taxes = rates.by_rate([tax for line in lines for tax in line["taxes"]])
    net = total - sum(tax["amount"] for tax in taxes)
    fields: Obj = dict.fromkeys(NOTHING)
    return fields | {
        "id": call.world.next_id("cn"), "object": "credit_note", "amount": total, "amount_shipping": 0,
        "created": call.world.now,
        "currency": invoice["currency"], "customer": invoice["customer"], "discount_amount": 0, "discount_amounts": [],
        "invoice": invoice["id"], "livemode": False, "memo": call.params.get("memo"),
        "metadata": merge_metadata({}, call.params.get("metadata")), "number": number(call.world, invoice), "pdf": "", "reason": call.params.get("reason"),
        "post_payment_amount": total if paid else 0, "pre_payment_amount": 0 if paid else total,
        "pretax_credit_amounts": [], "refunds": [], "status": "issued", "subtotal": total - rates.added(taxes),
        "subtotal_excluding_tax": net, "total": total, "total_excluding_tax": net, "total_taxes": taxes,
        "type": "post_payment" if paid else "pre_payment",
        "lines": {"object": "list", "data": lines, "has_more": False, "url": "/v1/credit_notes/lines"},
    }  # fmt: skip


def number(world: World, invoice: Obj) -> str:
    """Return the number of the next credit note of an invoice."""
    before = sum(note["invoice"] == invoice["id"] for note in world.stripe["credit_notes"].values())
    return f"{invoice['number']}-CN-{before + 1:02d}"


def check_ways(params: Obj, total: int) -> None:
    """Refuse the credit of a paid invoice that does not say where all of the money goes."""
    given = sum(params.get(name) or 0 for name in WAYS)
    if given != total:
        raise invalid(
            f"The sum of credit amount, refund amount and out of band amount ({given}) must equal the amount of the "
            f"credit note ({total})."
        )


def give_back(call: Call, invoice: Obj, note: Obj) -> None:
    """Put the credit on the customer's balance, refund the payment, or note what was given back outside of Stripe."""
    world, params = call.world, call.params
    note["out_of_band_amount"] = params.get("out_of_band_amount")
    row = balance.move(
        world, invoice["customer"], -(params.get("credit_amount") or 0), event_sink(call), type="credit_note",
        currency=invoice["currency"], credit_note=note["id"],
    )  # fmt: skip
    note["customer_balance_transaction"] = row["id"] if row else None
    if amount := params.get("refund_amount"):
        paid_by = next((p for p in world.stripe["payment_intents"].values() if p["invoice"] == invoice["id"]), None)
        if paid_by is None:
            raise invalid("There is no payment of this invoice to refund.", param="refund_amount")
        form = {"payment_intent": paid_by["id"], "amount": amount}
        refund = refunds.create_refund(replace(call, params=form))
        note["refunds"] = [{"amount_refunded": amount, "refund": refund["id"], "type": "refund"}]


def lower(call: Call, invoice: Obj, total: int) -> None:
    """Lower what is due of an open invoice; it is paid where nothing is left."""
    if total > invoice["amount_remaining"]:
        raise invalid("The credit is more than what is left of the invoice.", param="lines")
    invoice |= {
        "pre_payment_credit_notes_amount": invoice["pre_payment_credit_notes_amount"] + total,
        "amount_due": invoice["amount_due"] - total,
        "amount_remaining": invoice["amount_remaining"] - total,
    }
    if invoice["amount_remaining"] == 0:
        payments.set_paid(call.world, invoice, event_sink(call), attempts=0)


def credited(id: str, line: Obj, amount: int) -> Obj:
    """Return the line of a credit note. The requested amount contains exclusive taxes; the line's amount does not (types)."""
    taxes = rates.share(line, amount)
    return {
        "id": id, "object": "credit_note_line_item", "amount": amount - rates.added(taxes), "description": line["description"],
        "discount_amount": 0, "discount_amounts": [], "invoice_line_item": line["id"], "livemode": False, "metadata": {},
        "pretax_credit_amounts": [], "quantity": None, "tax_rates": line.get("tax_rates") or [], "type": "invoice_line_item",
        "taxes": taxes, "unit_amount": None, "unit_amount_decimal": None,
    }  # fmt: skip


@route("post", "/v1/credit_notes/{id}", "memo", "metadata")
def update_credit_note(call: Call) -> Obj:
    note = get(call.world, "credit_notes", call.ids[0], kind="credit_note")
    before = dict(note)
    if "memo" in call.params:
        note["memo"] = call.params["memo"] or None
    note["metadata"] = merge_metadata(note["metadata"], call.params.get("metadata"))
    emit(call, "credit_note.updated", note, before)
    return with_first_lines(note)


@route("get", "/v1/credit_notes", *PAGING, "invoice", "customer")
def list_credit_notes(call: Call) -> Obj:
    invoice, customer = call.params.get("invoice"), call.params.get("customer")
    answer = listed(
        call, "credit_notes", lambda n: invoice in (None, n["invoice"]) and customer in (None, n["customer"])
    )
    return answer | {"data": [with_first_lines(note) for note in answer["data"]]}


@route("get", "/v1/credit_notes/{id}")
def retrieve_credit_note(call: Call) -> Obj:
    return with_first_lines(get(call.world, "credit_notes", call.ids[0], kind="credit_note"))


@route("get", "/v1/credit_notes/{credit_note}/lines", *PAGING - {"created"})
def list_credit_note_lines(call: Call) -> Obj:
    note = get(call.world, "credit_notes", call.ids[0], kind="credit_note")
    return page(call, note["lines"]["data"], f"/v1/credit_notes/{note['id']}/lines")


def with_first_lines(note: Obj) -> Obj:
    """Return a credit note with its first ten lines, and ``has_more``."""
    lines = note["lines"]["data"]
    return note | {"lines": note["lines"] | {"data": lines[:SHOWN_LINES], "has_more": len(lines) > SHOWN_LINES}}
