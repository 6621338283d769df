"""Transitions of an invoice: finalize, pay, send, void, mark_uncollectible (FACTS_B 26-47)."""

from __future__ import annotations

from sandbox.billing import cards, finalizing, payments, subscription_status
from sandbox.billing.payments import Attempt
from sandbox.resources.stripe.invoices import found, shown
from sandbox.resources.stripe.objects import event_sink, get
from sandbox.resources.stripe.payment_methods import test_method
from sandbox.resources.stripe.routes import Call, route
from sandbox.world.refusal import StripeRefusal, invalid
from sandbox.world.state import Obj

NOT_OPEN = "You can only pass in open invoices. This invoice isn't open."
ACTION = (
    "This payment requires additional user action before it can be completed successfully. Payment can be completed "
    "using the PaymentIntent associated with the invoice."
)


@route("post", "/v1/invoices/{invoice}/finalize", "auto_advance")
def finalize_invoice(call: Call) -> Obj:
    """Never charges (SB 12.4)."""
    invoice = found(call, param="id")
    if invoice["status"] != "draft":
        raise invalid("This invoice is already finalized, you can't re-finalize a non-draft invoice.")
    if "auto_advance" in call.params:
        invoice["auto_advance"] = bool(call.params["auto_advance"])
    finalized(call, invoice)
    return shown(call.world, invoice)


def finalized(call: Call, invoice: Obj) -> None:
    """Finalize a draft by hand; what keeps it a draft is the call's error."""
    error = finalizing.finalize_by_hand(call.world, invoice, event_sink(call))
    if error is not None:
        raise StripeRefusal(error["message"], code=error["code"])


@route("post", "/v1/invoices/{invoice}/send")
def send_invoice(call: Call) -> Obj:
    """A draft is finalized by it; nothing changes of an open one (FACTS_B 36, 37)."""
    invoice = found(call)
    if invoice["status"] == "draft":
        finalized(call, invoice)
    elif invoice["status"] != "open":
        raise invalid(NOT_OPEN)
    event_sink(call)("invoice.sent", invoice)
    return shown(call.world, invoice)


@route("post", "/v1/invoices/{invoice}/pay", "paid_out_of_band", "payment_method", "off_session", "forgive")
def pay_invoice(call: Call) -> Obj:
    """A draft is finalized first (FACTS_B 26). A decline leaves it open, and Stripe may collect it later (SB 12.5)."""
    world, params, sink = call.world, call.params, event_sink(call)
    invoice = found(call, param="id")
    if invoice["status"] == "paid":
        raise invalid("Invoice is already paid")
    if invoice["status"] == "void":
        raise invalid("Invoices that have been voided can't be paid.")
    method = chosen(call, invoice)
    if invoice["status"] == "draft":
        finalized(call, invoice)
    if invoice["status"] == "paid":
        return shown(world, invoice)
    if params.get("paid_out_of_band"):
        payments.set_paid(world, invoice, sink, out_of_band=True)
        return shown(world, invoice)
    if payments.collection(invoice).get("settles_at"):
        raise invalid("This invoice has a payment that is still processing.")
    refuse(call, invoice, payments.collect(world, invoice, sink, method=method))
    return shown(world, invoice)


def chosen(call: Call, invoice: Obj) -> Obj | None:
    """Return the payment method that the call names, None where it names none."""
    id = call.params.get("payment_method")
    if not id:
        return None
    method = test_method(call.world, id) or get(
        call.world, "payment_methods", id, kind="PaymentMethod", param="payment_method", status=400
    )
    if method["customer"] not in (None, invoice["customer"]):
        raise invalid("The customer does not have a payment method with this ID.", param="payment_method")
    return method


def refuse(call: Call, invoice: Obj, attempt: Attempt) -> None:
    """Raise the error of a payment that failed."""
    if attempt.is_settled:
        return
    is_first = payments.collection(invoice).get("failures", 1) == 1
    if invoice["status"] == "open" and invoice["auto_advance"] and is_first:
        finalizing.await_collection(call.world, invoice)
    if attempt.kind == "no_source":
        raise StripeRefusal(payments.NO_SOURCE, code="resource_missing")
    if attempt.kind == "requires_action":
        raise StripeRefusal(ACTION, status=402, type="card_error", code="invoice_payment_intent_requires_action")
    raise cards.declined(attempt.answer)


@route("post", "/v1/invoices/{invoice}/void")
def void_invoice(call: Call) -> Obj:
    """Only of an open or uncollectible invoice; what it took from the balance goes back (SB 21.8)."""
    invoice = found(call, param="id")
    if invoice["status"] == "paid":
        raise invalid("Invoices with `paid` payments cannot be voided.")
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(NOT_OPEN)
    payments.void(call.world, invoice, event_sink(call))
    return shown(call.world, invoice)


@route("post", "/v1/invoices/{invoice}/mark_uncollectible")
def mark_uncollectible(call: Call) -> Obj:
    invoice = found(call, param="id")
    if invoice["status"] == "uncollectible":
        raise invalid("This invoice has already been marked uncollectible.")
    if invoice["status"] != "open":
        raise invalid(NOT_OPEN)
    subscription_status.write_off(call.world, invoice, event_sink(call))
    return shown(call.world, invoice)
