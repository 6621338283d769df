"""What payments do to the subscription and the customer: active, past due, incomplete, unpaid, canceled."""

from __future__ import annotations

from sandbox.billing import stopping
from sandbox.world.state import Obj, Told, World

OVER = ("canceled", "incomplete_expired")


def set_status(subscription: Obj, status: str, told: Told) -> None:
    """Change a subscription's status and tell it; nothing is told where it is so already."""
    if subscription["status"] not in (status, *OVER):
        before = dict(subscription)
        subscription["status"] = status
        told("customer.subscription.updated", subscription, before)


def is_starting(invoice: Obj, subscription: Obj | None) -> bool:
    """Return whether an invoice is the first one of a subscription that waits for its payment.

    One that is past due was begun: a debit that failed days later left it so.
    """
    is_begun = subscription is None or subscription["status"] == "past_due"
    return not is_begun and invoice["billing_reason"] == "subscription_create"


def ends_by_debit(world: World, subscription: Obj | None) -> bool:
    """Return whether a first debit that fails days later ends the subscription; one that is incomplete meanwhile always does."""
    is_incomplete = subscription is not None and subscription["status"] == "incomplete"
    return is_incomplete or world.unknowns["failed_debit_expires"]


def is_waiting(subscription: Obj) -> bool:
    """Return whether a subscription's status follows the payment of its invoices now."""
    return subscription["status"] in ("active", "past_due", "unpaid", "incomplete")


def started(world: World, subscription: Obj | None, told: Told) -> None:
    """Note that a bank debit is on its way: a subscription that waits for its first payment is active, or incomplete."""
    if subscription is None or subscription["status"] not in ("incomplete", "active"):
        return
    latest = world.stripe["invoices"][subscription["latest_invoice"]]
    is_first = latest["billing_reason"] == "subscription_create"
    waits = is_first and world.unknowns["debit_leaves_incomplete"]
    set_status(subscription, "incomplete" if waits else "active", told)


def paid(world: World, invoice: Obj, subscription: Obj | None, told: Told) -> None:
    """Note a payment. Only that of the latest invoice makes a subscription active again (SB 12.8, 12.9)."""
    customer = world.stripe["customers"][invoice["customer"]]
    if customer.get("delinquent"):
        customer["delinquent"] = False
    if subscription is None or not is_waiting(subscription):
        return
    if invoice["id"] == subscription["latest_invoice"]:
        set_status(subscription, "active", told)


def failed(world: World, invoice: Obj, subscription: Obj | None, told: Told, *, is_first: bool) -> None:
    """Note a failed payment: the first invoice leaves the subscription incomplete, a later one past due."""
    customer = world.stripe["customers"][invoice["customer"]]
    if not customer.get("deleted"):
        customer["delinquent"] = True
    if subscription is None:
        return
    if is_first and subscription["latest_invoice"] == invoice["id"]:
        invoice["auto_advance"] = False
        set_status(subscription, "incomplete", told)
    elif subscription["status"] == "active":
        set_status(subscription, "past_due", told)


def given_up(world: World, invoice: Obj, subscription: Obj | None, told: Told) -> None:
    """End the collection of an invoice after its last retry, as the world's settings say."""
    invoice |= {"auto_advance": False, "next_payment_attempt": None}
    if world.billing["invoice_after_retries"] == "uncollectible":
        write_off(world, invoice, told)
    after = world.billing["after_retries"]
    if subscription is None or subscription["status"] not in ("past_due", "active") or after == "past_due":
        return
    if after == "unpaid":
        set_status(subscription, "unpaid", told)
    else:
        cancel(world, subscription, told, reason="payment_failed")


def write_off(world: World, invoice: Obj, told: Told) -> None:
    """Mark an open invoice uncollectible; its amounts stay (FACTS_B 34)."""
    invoice |= {"status": "uncollectible", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"] = invoice["status_transitions"] | {"marked_uncollectible_at": world.now}
    told("invoice.marked_uncollectible", invoice)


def cancel(world: World, subscription: Obj, told: Told, *, reason: str) -> None:
    """Cancel a subscription that could not be paid, and stop the collection of its drafts and open invoices (SB 2.1)."""
    details = {"comment": None, "feedback": None, "feedback_option": None, "reason": reason}
    subscription |= {"status": "canceled", "canceled_at": world.now, "ended_at": world.now}
    subscription["cancellation_details"] = details
    stopping.stop(world, subscription, told)
    told("customer.subscription.deleted", subscription)


def expire(world: World, subscription: Obj, told: Told) -> None:
    """End a subscription whose first payment did not come within 23 hours; its invoice is void."""
    before = dict(subscription)
    subscription |= {"status": "incomplete_expired", "ended_at": world.now}
    invoice = world.stripe["invoices"].get(subscription["latest_invoice"] or "")
    if invoice is not None and invoice["status"] == "open":
        invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
        invoice["status_transitions"] = invoice["status_transitions"] | {"voided_at": world.now}
        told("invoice.voided", invoice)
    told("customer.subscription.updated", subscription, before)
