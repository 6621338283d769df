"""Status of a subscription as its payments succeed or fail: active, past due, incomplete, unpaid, canceled."""

from __future__ import annotations

from sandbox.billing import pending_updates, stopping
from sandbox.world.state import EventSink, Obj, World

OVER = ("canceled", "incomplete_expired")


def set_status(subscription: Obj, status: str, sink: EventSink) -> None:
    """Set a subscription's status and emit the event, unless the status is the same already."""
    if subscription["status"] not in (status, *OVER):
        before = dict(subscription)
        subscription["status"] = status
        sink("customer.subscription.updated", subscription, before)


def is_starting(invoice: Obj, subscription: Obj | None) -> bool:
    """Return whether an invoice is the first one of a subscription that waits for its payment.

    One that is past due was begun: a debit that failed days later left it so.
    """
    is_begun = subscription is None or subscription["status"] == "past_due"
    return not is_begun and invoice["billing_reason"] == "subscription_create"


def ends_by_debit(world: World, subscription: Obj | None) -> bool:
    """Return whether a first debit that fails days later ends the subscription; an incomplete one always ends."""
    is_incomplete = subscription is not None and subscription["status"] == "incomplete"
    return is_incomplete or world.unknowns["failed_debit_expires"]


def is_waiting(subscription: Obj) -> bool:
    """Return whether a subscription's status follows the payment of its invoices now."""
    return subscription["status"] in ("active", "past_due", "unpaid", "incomplete")


def started(world: World, subscription: Obj | None, sink: EventSink) -> None:
    """Record that a bank debit is under way: a subscription that waits for its first payment is active, or incomplete."""
    if subscription is None or subscription["status"] not in ("incomplete", "active"):
        return
    latest = world.stripe["invoices"][subscription["latest_invoice"]]
    is_first = latest["billing_reason"] == "subscription_create"
    waits = is_first and world.unknowns["debit_leaves_incomplete"]
    set_status(subscription, "incomplete" if waits else "active", sink)


def paid(world: World, invoice: Obj, subscription: Obj | None, sink: EventSink) -> None:
    """Record a payment. Only that of the latest invoice makes a subscription active again (SB 12.8, 12.9)."""
    customer = world.stripe["customers"][invoice["customer"]]
    if customer.get("delinquent"):
        customer["delinquent"] = False
    if subscription is None or not is_waiting(subscription):
        return
    if invoice["id"] == subscription["latest_invoice"]:
        set_status(subscription, "active", sink)


def failed(world: World, invoice: Obj, subscription: Obj | None, sink: EventSink, *, is_first: bool) -> None:
    """Record a failed payment: the first invoice leaves the subscription incomplete, a later one past due."""
    customer = world.stripe["customers"][invoice["customer"]]
    if not customer.get("deleted"):
        customer["delinquent"] = True
    if subscription is None or pending_updates.is_of(invoice):
        return
    if is_first and subscription["latest_invoice"] == invoice["id"]:
        invoice["auto_advance"] = False
        set_status(subscription, "incomplete", sink)
    elif subscription["status"] == "active":
        set_status(subscription, "past_due", sink)


def given_up(world: World, invoice: Obj, subscription: Obj | None, sink: EventSink) -> None:
    """End the collection of an invoice after its last retry, as the world's settings say."""
    invoice |= {"auto_advance": False, "next_payment_attempt": None}
    if world.billing["invoice_after_retries"] == "uncollectible":
        write_off(world, invoice, sink)
    after = world.billing["after_retries"]
    if subscription is None or subscription["status"] not in ("past_due", "active") or after == "past_due":
        return
    if after == "unpaid":
        set_status(subscription, "unpaid", sink)
    else:
        cancel(world, subscription, sink, reason="payment_failed")


def write_off(world: World, invoice: Obj, sink: EventSink) -> None:
    """Set an open invoice to uncollectible; its amounts stay (FACTS_B 34)."""
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"] = invoice["status_transitions"] | {"marked_uncollectible_at": world.now}
    sink("invoice.marked_uncollectible", invoice)


def cancel(world: World, subscription: Obj, sink: EventSink, *, reason: str) -> None:
    """Cancel a subscription that could not be paid, and stop the collection of its drafts and open invoices (SB 2.1)."""
    details = {"comment": None, "feedback": None, "feedback_option": None, "reason": reason}
    subscription |= {"status": "canceled", "canceled_at": world.now, "ended_at": world.now}
    subscription["cancellation_details"] = details
    stopping.stop(world, subscription, sink)
    sink("customer.subscription.deleted", subscription)


def expire(world: World, subscription: Obj, sink: EventSink) -> None:
    """End a subscription whose first payment did not come within 23 hours; its invoice is void."""
    before = dict(subscription)
    subscription |= {"status": "incomplete_expired", "ended_at": world.now}
    invoice = world.stripe["invoices"].get(subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "open":
        invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
        invoice["status_transitions"] = invoice["status_transitions"] | {"voided_at": world.now}
        sink("invoice.voided", invoice)
    sink("customer.subscription.updated", subscription, before)
