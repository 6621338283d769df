"""The invoices that the end of a subscription stops, and the last invoice with a negative total."""

from __future__ import annotations

from sandbox.world.refusal import invalid
from sandbox.world.state import EventSink, Obj, World

ENDED = ("canceled", "incomplete_expired")
UNCOLLECTIBLE_AFTER = 5  # seconds, as recorded


def subscription_of(invoice: Obj) -> str | None:
    """Return the id of the subscription that an invoice is of, or None."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    found: str | None = details.get("subscription")
    return found


def stop(world: World, subscription: Obj, sink: EventSink) -> None:
    """Switch ``auto_advance`` off: drafts and open invoices of the subscription (SB 2.1)."""
    for invoice in world.stripe["invoices"].values():
        if invoice["auto_advance"] and is_stopped(world, subscription, invoice):
            invoice |= {"auto_advance": False, "automatically_finalizes_at": None, "next_payment_attempt": None}
            sink("invoice.updated", invoice)


def is_stopped(world: World, subscription: Obj, invoice: Obj) -> bool:
    """Return whether the end of a subscription stops an invoice (contradiction C3, both answers of each).

    ``unknowns.cancel_stops_drafts``: the subscription's drafts, and not only finalized invoices;
    ``unknowns.cancel_stops_customer``: the open invoices of the whole customer, and not only the subscription's.
    """
    is_own = subscription_of(invoice) == subscription["id"]
    if invoice["status"] == "draft":
        return is_own and world.unknowns["cancel_stops_drafts"]
    if invoice["status"] == "open":
        return is_own or (invoice["customer"] == subscription["customer"] and world.unknowns["cancel_stops_customer"])
    return False


def check_advance(world: World, invoice: Obj) -> None:
    """Refuse to switch the draft of a canceled subscription on again, unless ``unknowns`` says that Stripe accepts it."""
    subscription = world.stripe["subscriptions"].get(subscription_of(invoice) or "")
    if subscription is None or subscription["status"] not in ENDED or invoice["status"] != "draft":
        return
    if invoice["auto_advance"]:  # it was never stopped (C3)
        return
    if not world.unknowns["canceled_draft_advances"] and not is_last(world, invoice):
        raise invalid(
            "You cannot enable automatic advancement of a draft whose subscription is canceled.", param="auto_advance"
        )


def is_last(world: World, invoice: Obj) -> bool:
    """Return whether the cancellation of its subscription created an invoice."""
    subscription = world.stripe["subscriptions"].get(subscription_of(invoice) or "")
    if subscription is None or subscription["status"] != "canceled":
        return False
    made_by_it = bool(invoice["created"] == subscription["ended_at"] == invoice["period_end"])
    return made_by_it and invoice["billing_reason"] == "subscription_cycle"


def due_times(world: World) -> list[int]:
    """Return the times, Unix seconds, at which a negative last invoice becomes uncollectible."""
    return [invoice["created"] + UNCOLLECTIBLE_AFTER for invoice in negative_last(world)]


def settle(world: World, sink: EventSink) -> None:
    """Set due negative last invoices to uncollectible; their credit is lost (recorded)."""
    for invoice in negative_last(world):
        if invoice["created"] + UNCOLLECTIBLE_AFTER <= world.now:
            invoice |= {"status": "uncollectible", "auto_advance": False}
            invoice |= {"automatically_finalizes_at": None, "next_payment_attempt": None}
            when = {"marked_uncollectible_at": world.now}
            invoice["status_transitions"] = invoice["status_transitions"] | when
            sink("invoice.marked_uncollectible", invoice)


def negative_last(world: World) -> list[Obj]:
    """Return a cancellation's drafts of negative total; none if the credit goes to the balance (C2)."""
    if world.unknowns["negative_last_to_balance"]:
        return []
    drafts = (i for i in world.stripe["invoices"].values() if i["status"] == "draft" and i["total"] < 0)
    return [invoice for invoice in drafts if is_last(world, invoice)]
