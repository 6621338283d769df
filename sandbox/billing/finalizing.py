"""Finalization: an invoice gets its number, takes the customer's balance, and nothing of its money changes after that."""

from __future__ import annotations

from collections.abc import Callable

from sandbox.billing import balance, payments, subscription_status, taxing
from sandbox.billing.payments import Attempt
from sandbox.world.state import EventSink, Obj, World

SOON = 180  # seconds until Stripe collects an invoice that was finalized by hand (SB 12.5)
Check = Callable[[World, Obj], Obj | None]


def refused_by_the_world(world: World, invoice: Obj) -> Obj | None:
    """Return the error of a customer whose finalizations the world lets fail."""
    code = world.billing["finalization_fails"].get(invoice["customer"])
    message = f"The invoice could not be finalized ({code})."
    return {"type": "invalid_request_error", "code": code, "message": message} if code else None


# What may keep an invoice a draft: each gives the ``last_finalization_error``, or None where it has nothing against it.
CHECKS: list[Check] = [refused_by_the_world, taxing.check_location, taxing.check_items, balance.check_whole]


def finalize(world: World, invoice: Obj, sink: EventSink) -> Obj | None:
    """Finalize a draft: open, or paid where nothing is due (SB 1.8). Return the error that kept it a draft, or None."""
    error = next((found for check in CHECKS if (found := check(world, invoice)) is not None), None)
    if error is not None:
        invoice |= {"last_finalization_error": error, "automatically_finalizes_at": None, "next_payment_attempt": None}
        sink("invoice.finalization_failed", invoice)
        return error
    taxing.switch_off(world, invoice, sink)
    number(world, invoice)
    balance.apply(world, invoice, sink)
    invoice["status_transitions"] = invoice["status_transitions"] | {"finalized_at": world.now}
    invoice |= {"status": "open", "automatically_finalizes_at": None, "next_payment_attempt": None}
    sink("invoice.finalized", invoice)
    if invoice["amount_due"] == 0:
        payments.set_paid(world, invoice, sink, attempts=0)
    return None


def number(world: World, invoice: Obj) -> None:
    """Give an invoice the next number of its customer, and what else appears at finalization (FACTS_B 31, 32)."""
    customer = world.stripe["customers"][invoice["customer"]]
    sequence = customer.get("next_invoice_sequence") or 1
    prefix = customer.get("invoice_prefix") or customer["id"][-8:].upper()
    customer["next_invoice_sequence"] = sequence + 1
    customer["currency"] = customer.get("currency") or invoice["currency"]
    page = f"https://invoice.stripe.com/i/{world.account.get('id')}/{invoice['id']}"
    invoice |= {
        "number": f"{prefix}-{sequence:04d}", "effective_at": world.now, "last_finalization_error": None,
        "hosted_invoice_url": page, "invoice_pdf": f"{page}/pdf",
    }  # fmt: skip
    if invoice.get("rendering"):
        invoice["rendering"] = invoice["rendering"] | {"pdf": {"page_size": "letter"}}


def is_written_off(world: World, invoice: Obj) -> bool:
    """Return whether a pause makes an invoice uncollectible once it is finalized; its balance is used before (SB 21.3)."""
    pause = (payments.subscription_of(world, invoice) or {}).get("pause_collection") or {}
    return bool(pause.get("behavior") == "mark_uncollectible" and invoice["billing_reason"] != "manual")


def issue(world: World, invoice: Obj, sink: EventSink) -> Attempt:
    """Finalize a draft and collect it at once, as inside a call that invoices, and as Stripe does when its time has come."""
    if finalize(world, invoice, sink) is not None or invoice["status"] == "paid":
        return Attempt("nothing_due")
    if is_written_off(world, invoice):
        subscription_status.write_off(world, invoice, sink)
        return Attempt("sent")
    if invoice["collection_method"] != "charge_automatically" or not invoice["auto_advance"]:
        return Attempt("sent")
    return payments.collect(world, invoice, sink)


def close(world: World, invoice: Obj, sink: EventSink) -> None:
    """Finalize an invoice that is never collected automatically."""
    invoice["auto_advance"] = False
    finalize(world, invoice, sink)


def finalize_by_hand(world: World, invoice: Obj, sink: EventSink) -> Obj | None:
    """Finalize without charging: Stripe collects a little later where ``auto_advance`` is true (SB 12.4, 12.5)."""
    error = finalize(world, invoice, sink)
    if error is None:
        await_collection(world, invoice)
    return error


def await_collection(world: World, invoice: Obj) -> None:
    """Set when Stripe collects an open invoice next, none where it never does; a debit that is under way is waited for."""
    automatic = invoice["collection_method"] == "charge_automatically" and invoice["auto_advance"]
    if invoice["status"] == "open" and not payments.is_under_way(invoice):
        invoice["next_payment_attempt"] = world.now + SOON if automatic else None
