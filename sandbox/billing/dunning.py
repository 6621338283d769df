"""Dunning of unpaid invoices: retries, results of bank debits, overdue invoices, expiring subscriptions."""

from __future__ import annotations

from collections.abc import Iterator

from sandbox.billing import cards, payments, pending_updates, retries, subscription_status
from sandbox.world.state import EventSink, Obj, World

EXPIRES = 23 * 3600  # seconds after which a subscription without its first payment is over (SB 11.14)


def due(world: World) -> Iterator[int]:
    """Yield the times of the next steps of collection, in Unix seconds."""
    for invoice in world.stripe["invoices"].values():
        if invoice["status"] == "open":
            yield from due_times(world, invoice)
    for subscription in world.stripe["subscriptions"].values():
        if is_expiring(world, subscription):
            yield subscription["created"] + EXPIRES
    for subscription in pending_updates.living(world):
        yield subscription["pending_update"]["expires_at"]


def due_times(world: World, invoice: Obj) -> Iterator[int]:
    """Yield the times at which one open invoice is due for a step."""
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


def step(world: World, sink: EventSink) -> None:
    """Perform every collection step that is due at the world's time."""
    for invoice in list(world.stripe["invoices"].values()):
        if invoice["status"] == "open":
            advance(world, invoice, sink)
    for subscription in list(world.stripe["subscriptions"].values()):
        if is_expiring(world, subscription) and subscription["created"] + EXPIRES <= world.now:
            subscription_status.expire(world, subscription, sink)
    for subscription in list(pending_updates.living(world)):
        if subscription["pending_update"]["expires_at"] <= world.now:
            expire_update(world, subscription, sink)


def expire_update(world: World, subscription: Obj, sink: EventSink) -> None:
    """Give up an update that was not paid in time, and void its invoice."""
    for invoice in list(world.stripe["invoices"].values()):
        is_its = pending_updates.is_of(invoice) and payments.subscription_of(world, invoice) is subscription
        if is_its and invoice["status"] == "open":
            payments.void(world, invoice, sink)
    if subscription["pending_update"]:
        pending_updates.discard(subscription, sink)


def advance(world: World, invoice: Obj, sink: EventSink) -> None:
    """Perform the steps that are due for one open invoice."""
    settles = payments.collection(invoice).get("settles_at")
    if settles and settles <= world.now:
        settle_debit(world, invoice, sink)
    elif not settles and is_retried(invoice) and invoice["next_payment_attempt"] <= world.now:
        retry(world, invoice, sink)
    if is_watched(world, invoice) and invoice["due_date"] <= world.now:
        subscription = payments.subscription_of(world, invoice)
        assert subscription is not None
        subscription_status.set_status(subscription, "past_due", sink)


def settle_debit(world: World, invoice: Obj, sink: EventSink) -> None:
    """Record the bank's answer to a debit."""
    noted = payments.collection(invoice)
    method = world.stripe["payment_methods"][noted["method"]]
    answer = cards.debit_result(method)
    if answer.kind == "paid":
        payments.set_paid(world, invoice, sink, attempts=0)
        return
    invoice["attempt_count"] -= 1  # the same attempt, which is counted when it has failed
    payments.failed(world, invoice, payments.Attempt("declined", method["id"], answer), sink)


def retry(world: World, invoice: Obj, sink: EventSink) -> None:
    """Charge an invoice again; after a hard decline only the counter increases until the payment method changes."""
    noted = payments.collection(invoice)
    source = payments.source_of(world, invoice, payments.subscription_of(world, invoice))
    if noted.get("hard") is None or source is None or source["id"] != noted["hard"]:
        payments.collect(world, invoice, sink)
        return
    noted["failures"] += 1
    invoice |= {"attempt_count": invoice["attempt_count"] + 1, "next_payment_attempt": retries.next_retry(world, noted)}
    if invoice["next_payment_attempt"] is None:
        subscription_status.given_up(world, invoice, payments.subscription_of(world, invoice), sink)
