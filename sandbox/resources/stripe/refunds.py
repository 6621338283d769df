"""Refunds of payments, and which payment paid an invoice. The invoice itself stays paid, and its amounts stay."""

from __future__ import annotations

from decimal import Decimal

from sandbox.billing import texts
from sandbox.resources.stripe.objects import DERIVED, emit, get, listed, page
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world import currencies
from sandbox.world.forms import merge_metadata
from sandbox.world.refusal import NotModelled, StripeRefusal, invalid
from sandbox.world.state import Obj, World

NOTHING = (
    "balance_transaction", "charge", "customer", "customer_account", "description", "failure_balance_transaction",
    "failure_reason", "instructions_email", "next_action", "pending_reason", "receipt_number", "source_transfer_reversal",
    "transfer_reversal",
)  # fmt: skip


@route("post", "/v1/refunds", "payment_intent", "charge", "amount", "metadata", "reason")
def create_refund(call: Call) -> Obj:
    """Give back a payment, or a part of it; never more than was paid."""
    world, params = call.world, call.params
    payment = payment_of(call)
    amount = params.get("amount", unrefunded(world, payment))
    check_amount(world, payment, amount)
    fields: Obj = dict.fromkeys(NOTHING)
    refund = fields | {
        "id": world.next_id("re"),
        "object": "refund",
        "amount": amount,
        "created": world.now,
        "currency": payment["currency"],
        "destination_details": {"type": "card"},
        "metadata": merge_metadata({}, params.get("metadata")),
        "payment_intent": payment["id"],
        "payment_method": payment["payment_method"],
        "reason": params.get("reason"),
        "status": "succeeded",
    }
    emit(call, "refund.created", world.put("refunds", refund))
    return refund


def payment_of(call: Call) -> Obj:
    """Return the payment that is to be given back."""
    if "charge" in call.params:
        raise NotModelled("refunds of a charge; name its payment_intent")
    if "payment_intent" not in call.params:
        raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
    return get(
        call.world, "payment_intents", call.params["payment_intent"], kind="payment_intent", param="payment_intent",
        status=404,
    )  # fmt: skip


def unrefunded(world: World, payment: Obj) -> int:
    """Return what of a payment was not given back yet, in minor units."""
    back: int = sum(r["amount"] for r in world.stripe["refunds"].values() if r["payment_intent"] == payment["id"])
    return int(payment["amount"]) - back


def check_amount(world: World, payment: Obj, amount: int) -> None:
    left = unrefunded(world, payment)
    if left == 0:
        raise StripeRefusal(f"Charge {payment['id']} has already been refunded.", code="charge_already_refunded")
    if amount < 1:
        raise currencies.at_least("amount", 1, amount)
    if amount > left:
        requested, rest = (texts.money(Decimal(value), payment["currency"]) for value in (amount, left))
        raise invalid(
            f"Refund amount ({requested}) is greater than unrefunded amount on charge ({rest})", param="amount"
        )


@route("post", "/v1/refunds/{refund}", "metadata")
def update_refund(call: Call) -> Obj:
    refund = get(call.world, "refunds", call.ids[0], kind="refund")
    before = dict(refund)
    refund["metadata"] = merge_metadata(refund["metadata"], call.params.get("metadata"))
    emit(call, "refund.updated", refund, before)
    return refund


@route("get", "/v1/refunds/{refund}")
def retrieve_refund(call: Call) -> Obj:
    return get(call.world, "refunds", call.ids[0], kind="refund")


@route("get", "/v1/refunds", *PAGING, "payment_intent")
def list_refunds(call: Call) -> Obj:
    payment = call.params.get("payment_intent")
    return listed(call, "refunds", lambda r: payment in (None, r["payment_intent"]))


@route("get", "/v1/invoice_payments", *PAGING - {"created"}, "invoice", "status")
def list_invoice_payments(call: Call) -> Obj:
    """Return the payments that were taken for invoices, newest first."""
    world, invoice_id = call.world, call.params.get("invoice")
    if call.params.get("status", "paid") != "paid":
        return page(call, [], "/v1/invoice_payments")
    rows = [p for p in world.newest_first("payment_intents") if p["invoice"] and invoice_id in (None, p["invoice"])]
    return page(call, [shown_payment(p) for p in rows], "/v1/invoice_payments")


def payments_of(world: World, invoice: Obj) -> Obj:
    """Return the payments of an invoice, which it contains only on request; the one that an open invoice waits for is not kept."""
    if invoice["status"] == "open":
        raise NotModelled("expand payments of an open invoice")
    rows = [p for p in world.newest_first("payment_intents") if p["invoice"] == invoice["id"]]
    url = f"/v1/invoice_payments?invoice={invoice['id']}"
    return {"object": "list", "data": [shown_payment(p) for p in rows], "has_more": False, "url": url}


DERIVED["invoice", "payments"] = payments_of


def shown_payment(payment: Obj) -> Obj:
    """Return the row that ties a payment to its invoice."""
    return {
        "id": payment["id"].replace("pi_", "inpay_", 1),
        "object": "invoice_payment",
        "amount_paid": payment["amount"],
        "amount_requested": payment["amount"],
        "created": payment["created"],
        "currency": payment["currency"],
        "invoice": payment["invoice"],
        "is_default": True,
        "livemode": False,
        "payment": {"type": "payment_intent", "payment_intent": payment["id"]},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": payment["created"]},
    }
