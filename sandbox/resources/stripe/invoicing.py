"""The invoices that making and changing a subscription makes: tried first, then kept, finalized and collected."""

from __future__ import annotations

from sandbox.billing import drafts, dunning, finalizing, invoices, payments, pending_updates, taxing
from sandbox.billing.lines import MAX_ITEMS, item_line, pending_item, pending_lines, room, usage_item
from sandbox.resources.stripe import item_contents
from sandbox.resources.stripe.changes import ALWAYS_INVOICE, Change
from sandbox.resources.stripe.objects import emit, event_sink
from sandbox.resources.stripe.routes import Call
from sandbox.world.refusal import NotModelled, absent, invalid, only_one
from sandbox.world.state import Obj, World


def tried_lines(world: World, change: Change) -> list[Obj]:
    """Return the lines of an update's invoice: its own, then all pending ones (flexible, SB 11.5)."""
    return [*change.prorated, *change.used, *change.full, *riding_with(world, change)]


def riding_with(world: World, change: Change) -> list[Obj]:
    """Return the pending lines that fit beside the invoice items of a change (SB 3.2)."""
    return riding(world, change.after, room(change.full) - len(change.prorated) - len(change.used))


def riding(world: World, subscription: Obj, most: int = MAX_ITEMS) -> list[Obj]:
    """Return pending lines for an invoice of a flexible subscription; classic ones leave these for renewals."""
    if subscription["billing_mode"]["type"] != "flexible":
        return []
    return pending_lines(world, subscription, unowned=False, most=most)


def keep_change(call: Call, change: Change) -> Obj | None:
    """Store the invoice items of a change, and create its immediate invoice."""
    world, after = call.world, change.after
    waiting = riding_with(world, change)
    items = [pending_item(world, after, line) for line in change.prorated]
    items += [usage_item(world, after, line) for line in change.used]
    for item in reversed(items):  # the newest is listed first, and the credit stands before the charge (FACTS_A 25)
        world.put("invoiceitems", item)
    classic_extra = call.params.get("proration_behavior") == ALWAYS_INVOICE and "add_invoice_items" in call.params
    if not change.at_once and not (classic_extra and after["billing_mode"]["type"] == "classic"):
        return None
    rows = [item_line(world, item) for item in items]
    if after["billing_mode"]["type"] == "classic" and classic_extra:
        waiting = pending_lines(world, after, unowned=False)[: len(call.params["add_invoice_items"])]
    return invoiced(call, after, [*rows, *change.full, *waiting], reason="subscription_update")


def invoiced(call: Call, subscription: Obj, lines: list[Obj], *, reason: str) -> Obj:
    """Return a draft that is the subscription's latest invoice."""
    since = min(item["current_period_start"] for item in subscription["items"]["data"])
    invoice = invoices.build(call.world, subscription, lines, reason=reason, since=min(since, call.world.now))
    call.world.put("invoices", invoice)
    subscription["latest_invoice"] = invoice["id"]
    emit(call, "invoice.created", invoice)
    return invoice


def settle(call: Call, subscription: Obj, invoice: Obj | None) -> None:
    """Finalize and collect the invoice of a call; one that is sent stays a draft for its hour (SB 1.6), or longer."""
    sink = event_sink(call)
    if invoice is None or drafts.hold(call.world, invoice, subscription, sink):
        return
    if subscription["collection_method"] != "charge_automatically":
        return
    if call.params.get("payment_behavior") != "default_incomplete" or drafts.is_uncollected(subscription):
        finalizing.issue(call.world, invoice, sink)
        return
    finalizing.finalize(call.world, invoice, sink)
    if invoice["status"] == "open":
        invoice["auto_advance"] = False
        first = invoice["billing_reason"] == "subscription_create"
        subscription["status"] = "incomplete" if first else "past_due"
        emit(call, "customer.subscription.updated", subscription)


def refuse_incomplete(call: Call, subscription: Obj, invoice: Obj) -> payments.Attempt:
    """Refuse the call where its invoice would not be paid and ``payment_behavior`` wants all or nothing.

    A creation without a source is refused unless it is to begin incomplete (SB 12.3), and so is a trial that ends now. A
    bank debit is never paid within the call: ``debit_refused_at_once`` says whether that counts (SB 21.11). Nothing is
    refused where the invoice is not collected.
    """
    if drafts.is_uncollected(subscription):
        return payments.Attempt("sent")
    attempt = payments.would_pay(call.world, invoice, subscription)
    refusal = payments.refusal(attempt)
    behavior = call.params.get("payment_behavior", "allow_incomplete")
    is_new = subscription["id"] not in call.world.stripe["subscriptions"] or "trial_end" in call.params
    without = is_new and attempt.kind == "no_source" and behavior != "default_incomplete"
    if refusal is not None and (without or behavior == "error_if_incomplete"):
        raise refusal
    if (
        attempt.kind == "processing"
        and behavior == "error_if_incomplete"
        and call.world.unknowns["debit_refused_at_once"]
    ):
        raise payments.never_at_once()
    return attempt


def park(call: Call, subscription: Obj, tried: Change) -> Obj:
    """Hold an update for 23 hours until it is paid: open invoice, unchanged subscription (PENDUPD).

    The invoice of an earlier update that waits is voided.
    """
    world = call.world
    if subscription["pending_update"]:
        dunning.expire_update(world, subscription, event_sink(call))
    waiting = riding_with(world, tried)
    items = [pending_item(world, tried.after, line) for line in tried.prorated]
    for item in reversed(items):
        world.put("invoiceitems", item)
    rows = [*(item_line(world, item) for item in items), *tried.full, *waiting]
    invoice = invoiced(call, subscription, rows, reason="subscription_update")
    pending_updates.attach(invoice)
    finalizing.issue(world, invoice, event_sink(call))
    subscription["pending_update"] = pending_updates.waiting(world, subscription, tried.after)
    emit(call, "customer.subscription.updated", subscription)
    return subscription


def source_of(world: World, subscription: Obj) -> Obj | None:
    """Return the payment method that a subscription's invoices are charged to."""
    invoice = {"customer": subscription["customer"]}
    return payments.source_of(world, invoice, subscription)


def added_items(world: World, subscription: Obj, params: Obj, *, place: str = "add_invoice_items") -> list[Obj]:
    """Return the one-off items of a creation or an update, for its invoice or pending; those are refused that tax refuses."""
    found = []
    for n, given in enumerate(params.get("add_invoice_items", [])):
        for name in set(given) - {"price", "price_data", "quantity", "metadata", "tax_rates"}:
            raise NotModelled(f"add_invoice_items: {name}")
        if ("price" in given) == ("price_data" in given):
            raise only_one("price", "price_data") if "price" in given else absent(f"{place}[{n}][price]")
        form = {"price_data": given["price_data"]} if "price_data" in given else {"pricing": {"price": given["price"]}}
        form |= {"quantity": given.get("quantity", 1)}
        form |= {"subscription": subscription["id"], "metadata": given.get("metadata")}
        form |= {"tax_rates": given.get("tax_rates")}
        item = item_contents.made(world, form, subscription["customer"], param=f"{place}[{n}][price]")
        taxing.refuse_added(world, subscription, item, f"{place}[{n}]")
        found.append(item)
    if len(found) > 20:
        raise invalid("You can add up to 20 invoice items", param="add_invoice_items")
    return found


def clean(lines: list[Obj]) -> list[Obj]:
    """Lines as they were before a trial run took discounts off them."""
    return [line | {"discount_amounts": []} for line in lines]
