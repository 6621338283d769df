"""What time does to invoices that are not paid: retries, bank debits that settle, overdue invoices, subscriptions that expire."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.billing import cards, payments, retries, standing
from sandbox.world.state import Obj, Told, World

EXPIRES = 23 * 3600  # seconds after which a subscription without its first payment is over (SB 11.14)


def due(world: World) -> Iterator[int]:
    """Yield the moments at which something of the collection happens next, in Unix seconds."""
    for invoice in world.stripe["invoices"].values():
        if invoice["status"] == "open":
            yield from moments(world, invoice)
    for subscription in world.stripe["subscriptions"].values():
        if is_expiring(world, subscription):
            yield subscription["created"] + EXPIRES


def moments(world: World, invoice: Obj) -> Iterator[int]:
    """Yield the moments at which something happens to one open invoice."""
    if settles := payments.collection(invoice).get("settles_at"):
        yield settles
    elif is_retried(invoice):
        yield invoice["next_payment_attempt"]
    if is_watched(world, invoice):
        yield invoice["due_date"]


def is_retried(invoice: Obj) -> bool:
    """Return whether Stripe will try to collect an open invoice."""
    automatic = invoice["collection_method"] == "charge_automatically" and invoice["auto_advance"]
    return bool(automatic and invoice["next_payment_attempt"])


def is_expiring(world: World, subscription: Obj) -> bool:
    """Return whether a subscription ends unless its first invoice is paid; a debit that is under way is waited for."""
    first = world.stripe["invoices"].get(subscription["latest_invoice"] or "")
    return subscription["status"] == "incomplete" and (first is None or not payments.is_under_way(first))


def is_watched(world: World, invoice: Obj) -> bool:
    """Return whether an invoice that was sent makes its subscription past due once it is overdue."""
    subscription = payments.subscription_of(world, invoice)
    sent = invoice["collection_method"] == "send_invoice" and invoice["due_date"] is not None
    return sent and subscription is not None and subscription["status"] == "active"


def step(world: World, told: Told) -> None:
    """Do everything of the collection that is due at the world's moment."""
    for invoice in list(world.stripe["invoices"].values()):
        if invoice["status"] == "open":
            advance(world, invoice, told)
    for subscription in list(world.stripe["subscriptions"].values()):
        if is_expiring(world, subscription) and subscription["created"] + EXPIRES <= world.now:
            standing.expire(world, subscription, told)


def advance(world: World, invoice: Obj, told: Told) -> None:
    """Do what is due of one open invoice."""
    settles = payments.collection(invoice).get("settles_at")
    if settles and settles <= world.now:
        settle_debit(world, invoice, told)
    elif not settles and is_retried(invoice) and invoice["next_payment_attempt"] <= world.now:
        retry(world, invoice, told)
    if is_watched(world, invoice) and invoice["due_date"] <= world.now:
        subscription = payments.subscription_of(world, invoice)
        assert subscription is not None
        standing.set_status(subscription, "past_due", told)


def settle_debit(world: World, invoice: Obj, told: Told) -> None:
    """Note what the bank answered to a debit."""
    noted = payments.collection(invoice)
    method = world.stripe["payment_methods"][noted["method"]]
    answer = cards.debit_result(method)
    if answer.kind == "paid":
        payments.mark_paid(world, invoice, told, attempts=0)
        return
    invoice["attempt_count"] -= 1  # the same attempt, which is counted when it has failed
    payments.failed(world, invoice, payments.Attempt("declined", method["id"], answer), told)


def retry(world: World, invoice: Obj, told: Told) -> None:
    """Charge an invoice again; after a hard decline only the counter moves until there is another payment method."""
    noted = payments.collection(invoice)
    source = payments.source_of(world, invoice, payments.subscription_of(world, invoice))
    if noted.get("hard") is None or source is None or source["id"] != noted["hard"]:
        payments.collect(world, invoice, told)
        return
    noted["failures"] += 1
    invoice |= {"attempt_count": invoice["attempt_count"] + 1, "next_payment_attempt": retries.next_retry(world, noted)}
    if invoice["next_payment_attempt"] is None:
        standing.given_up(world, invoice, payments.subscription_of(world, invoice), told)
