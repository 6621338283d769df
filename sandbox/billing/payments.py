"""Payment of finalized invoices: from which source, with which outcome, and what that changes.

Finalizing alone never charges. Stripe collects an automatically collected invoice only while its ``auto_advance`` is true;
``pay`` collects any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.billing import balance, cards, pending_updates, retries, subscription_status
from sandbox.billing.cards import Answer
from sandbox.world.refusal import StripeRefusal
from sandbox.world.state import DAY, EventSink, Obj, World

Kind = Literal["paid", "declined", "requires_action", "processing", "nothing_due", "no_source", "sent"]
NO_SOURCE = (
    "This customer has no attached payment source or default payment method. Please consider adding a default payment "
    "method. For more information, visit "
    "https://stripe.com/docs/billing/subscriptions/payment-methods-setting#payment-method-priority."
)


@dataclass(frozen=True)
class Attempt:
    """The outcome of collecting an invoice. ``method`` is the payment method's id, ``answer`` what it answered."""

    kind: Kind
    method: str | None = None
    answer: Answer = cards.PAYS

    @property
    def is_settled(self) -> bool:
        """Return whether nothing is left to collect, or a debit is under way."""
        return self.kind in ("paid", "nothing_due", "processing", "sent")


def subscription_of(world: World, invoice: Obj) -> Obj | None:
    """Return the subscription of an invoice, None for a one-off one or where it is not kept yet."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return world.stripe["subscriptions"].get(details.get("subscription") or "")


def source_of(world: World, invoice: Obj, subscription: Obj | None) -> Obj | None:
    """Return the payment method that an invoice is charged to, in Stripe's order (SB 12.1)."""
    customer = world.stripe["customers"][invoice["customer"]]
    settings = customer.get("invoice_settings") or {}
    of_subscription = subscription or {}
    order = (
        invoice.get("default_payment_method"),
        invoice.get("default_source"),
        of_subscription.get("default_payment_method"),
        of_subscription.get("default_source"),
        settings.get("default_payment_method"),
        customer.get("default_source"),
    )
    known = world.stripe["payment_methods"]
    return next((known[id] for id in order if id and id in known), None)


def would_pay(world: World, invoice: Obj, subscription: Obj | None = None) -> Attempt:
    """Return the outcome of collecting an invoice now, without changing anything.

    ``subscription`` is given where it is not kept yet.
    """
    if invoice["collection_method"] != "charge_automatically":
        return Attempt("sent")
    if (balance.settle(world, invoice).due if invoice["status"] == "draft" else invoice["amount_remaining"]) == 0:
        return Attempt("nothing_due")
    method = source_of(world, invoice, subscription or subscription_of(world, invoice))
    return tried(method)


def tried(method: Obj | None) -> Attempt:
    """Return the outcome of charging a payment method."""
    if method is None:
        return Attempt("no_source")
    answer = cards.answer_of(method)
    return Attempt(answer.kind, method["id"], answer)


def refusal(attempt: Attempt) -> StripeRefusal | None:
    """Return how ``error_if_incomplete`` refuses a call for this outcome, None where it does not.

    No source is a 400 (FACTS_A 54), a decline a 402, 3DS a 402 without more than a code (FACTS_A 53).
    """
    if attempt.is_settled:
        return None
    if attempt.kind == "no_source":
        return StripeRefusal(NO_SOURCE, code="resource_missing")
    if attempt.kind == "requires_action":
        return StripeRefusal(
            "Payment for this subscription requires additional user action, but the requested payment behavior doesn't "
            "save the invoice or PaymentIntent. Retry the request with `payment_behavior=allow_incomplete` or "
            "`payment_behavior=default_incomplete`, then complete the PaymentIntent on the subscription's latest invoice. "
            "Additional information is available here: "
            "https://stripe.com/docs/billing/subscriptions/overview#requires-action",
            status=402, type="card_error", code="subscription_payment_intent_requires_action",
        )  # fmt: skip
    return cards.declined(attempt.answer)


def never_at_once() -> StripeRefusal:
    """Return how ``error_if_incomplete`` refuses a bank debit; the sentence is assumed."""
    return StripeRefusal(
        "Payment for this subscription is processed later, but the requested payment behavior doesn't save the invoice or "
        "PaymentIntent. Retry the request with `payment_behavior=allow_incomplete`.",
        status=402, type="card_error", code="subscription_payment_intent_processing",
    )  # fmt: skip


def collect(world: World, invoice: Obj, sink: EventSink, *, method: Obj | None = None) -> Attempt:
    """Charge an open invoice once and record the outcome; ``method`` takes precedence over Stripe's order."""
    subscription = subscription_of(world, invoice)
    attempt = tried(method or source_of(world, invoice, subscription))
    if attempt.kind == "paid":
        keep_intent(world, invoice, attempt)
        keep_method(subscription, attempt)
        set_paid(world, invoice, sink)
    elif attempt.kind == "processing":
        invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1, "next_payment_attempt": None}
        settles = world.now + int(world.billing["debit_days"] * DAY)
        invoice["collection"] = collection(invoice) | {"method": attempt.method, "settles_at": settles}
        subscription_status.started(world, subscription, sink)
    else:
        failed(world, invoice, attempt, sink)
    return attempt


def keep_method(subscription: Obj | None, attempt: Attempt) -> None:
    """Make the method that paid the subscription's default, where its settings say so (types, ``payment_settings``)."""
    settings = (subscription or {}).get("payment_settings") or {}
    if subscription is not None and settings.get("save_default_payment_method") == "on_subscription":
        subscription["default_payment_method"] = attempt.method


def keep_intent(world: World, invoice: Obj, attempt: Attempt) -> None:
    """Store the payment, so that a refund can refer to it."""
    world.put("payment_intents", {
        "id": world.next_id("pi"), "object": "payment_intent", "amount": invoice["amount_remaining"],
        "created": world.now, "currency": invoice["currency"], "customer": invoice["customer"],
        "invoice": invoice["id"], "payment_method": attempt.method, "status": "succeeded",
    })  # fmt: skip


def collection(invoice: Obj) -> Obj:
    """Return the collection state of an invoice, which no answer shows."""
    found: Obj = invoice.get("collection") or {}
    return found


def is_under_way(invoice: Obj) -> bool:
    """Return whether a bank has not answered a debit of the invoice yet."""
    return bool(collection(invoice).get("settles_at"))


def set_paid(world: World, invoice: Obj, sink: EventSink, *, attempts: int = 1, out_of_band: bool = False) -> None:
    """Record that an invoice is paid in full; an update that waited for it is carried out unless its subscription ended."""
    subscription, has_update = subscription_of(world, invoice), pending_updates.is_of(invoice)
    invoice |= {
        "status": "paid",
        "amount_paid": invoice["amount_due"],
        "amount_remaining": 0,
        "attempt_count": invoice["attempt_count"] + (0 if out_of_band else attempts),
        "attempted": invoice["attempted"] or not out_of_band,
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
        "collection": {},
    }
    invoice["status_transitions"] = invoice["status_transitions"] | {"paid_at": world.now}
    sink("invoice.paid", invoice)
    if has_update and subscription is not None and subscription["status"] not in pending_updates.ENDED:
        pending_updates.apply(invoice, subscription, sink)
    subscription_status.paid(world, invoice, subscription, sink)


def void(world: World, invoice: Obj, sink: EventSink) -> None:
    """Void an invoice: its amounts and its number stay (FACTS_B 33), and what it took from the balance goes back (SB 21.8)."""
    balance.give_back(world, invoice, sink)
    invoice |= {
        "status": "void",
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "next_payment_attempt": None,
    }
    invoice["status_transitions"] = invoice["status_transitions"] | {"voided_at": world.now}
    sink("invoice.voided", invoice)
    subscription = subscription_of(world, invoice)
    if pending_updates.is_of(invoice) and subscription is not None:
        pending_updates.discard(subscription, sink)


def failed(world: World, invoice: Obj, attempt: Attempt, sink: EventSink) -> None:
    """Record a failed payment and the time of the next attempt."""
    subscription = subscription_of(world, invoice)
    is_first = subscription_status.is_starting(invoice, subscription) and not (
        is_under_way(invoice) and not subscription_status.ends_by_debit(world, subscription)
    )
    if attempt.kind != "no_source":
        invoice |= {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    noted = collection(invoice) | {"settles_at": None, "failures": collection(invoice).get("failures", 0) + 1}
    noted |= {"began": noted.get("began", world.now), "method": attempt.method}
    noted["hard"] = attempt.method if cards.is_hard(attempt.answer) else None
    invoice["collection"] = noted
    is_alone = is_first or pending_updates.is_of(invoice)
    invoice["next_payment_attempt"] = (
        None if is_alone or not invoice["auto_advance"] else retries.next_retry(world, noted)
    )
    sink("invoice.payment_action_required" if attempt.kind == "requires_action" else "invoice.payment_failed", invoice)
    subscription_status.failed(world, invoice, subscription, sink, is_first=is_first)
    if invoice["next_payment_attempt"] is None and invoice["auto_advance"] and not is_alone:
        subscription_status.given_up(world, invoice, subscription, sink)
