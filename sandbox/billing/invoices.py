"""Invoices of subscriptions: the first one, prorations of a change, and previews of both."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.billing import amounts, discounts, periods
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj, World

GRACE = 3600  # Stripe's default time between a draft and its finalization


def line(world: World, item: Obj, *, amount: int, period: tuple[int, int], proration: bool, text: str) -> Obj:
    """One line of an invoice, for an item of a subscription."""
    price = item["price"]
    exact = amounts.unit(price, "unit_amount")
    return {
        "id": world.next_id("il"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": text,
        "discount_amounts": [],
        "discountable": not proration,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": "subscription_item_details",
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": proration,
                "proration_details": {"credited_items": None},
                "subscription": item["subscription"],
                "subscription_item": item["id"],
            },
        },
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": {
            "type": "price_details",
            "price_details": {"price": price["id"], "product": price["product"]},
            "unit_amount_decimal": f"{exact:f}",
        },
        "quantity": item.get("quantity"),
        "quantity_decimal": str(item.get("quantity", 0)),
        "subscription": item["subscription"],
        "subtotal": amount,
        "taxes": [],
    }


def period_share(item: Obj, start: int, end: int) -> Decimal:
    """The part of the virtual interval from ``start`` on that [start, end) is; exactly 1 for a whole one."""
    virtual_end = periods.shift(start, item["price"]["recurring"], 1)
    return Decimal(end - start) / Decimal(virtual_end - start)


def first_lines(world: World, subscription: Obj) -> list[Obj]:
    """The lines of the first invoice: each licensed item for its first period."""
    lines = []
    for item in subscription["items"]["data"]:
        if item["price"]["recurring"]["usage_type"] != "licensed":
            continue
        start, end = item["current_period_start"], item["current_period_end"]
        share = period_share(item, start, end)
        total = amounts.amount(item["price"], item["quantity"], share)
        text = f"{item['quantity']} × {item['price']['id']}"
        lines.append(line(world, item, amount=total, period=(start, end), proration=share != 1, text=text))
    return lines


def proration_lines(world: World, before: Obj, after: Obj, moment: int) -> list[Obj]:
    """Credit for the unused time of each changed item's old state, charge for the same time of its new state."""
    old = {item["id"]: item for item in before["items"]["data"]}
    new = {item["id"]: item for item in after["items"]["data"]}
    lines = []
    for id in [*old, *(i for i in new if i not in old)]:
        was, now = old.get(id), new.get(id)
        if was and now and priced(was) == priced(now):
            continue
        for item, sign, text in ((was, -1, "Unused time on"), (now, 1, "Remaining time on")):
            if item is None or item["price"]["recurring"]["usage_type"] != "licensed":
                continue
            start, end = item["current_period_start"], item["current_period_end"]
            if not start <= moment <= end:
                raise invalid(
                    "Cannot specify proration date outside of current subscription period", param="proration_date"
                )
            share = period_share(item, start, end) * Decimal(end - moment) / Decimal(end - start)
            total = sign * amounts.amount(item["price"], item["quantity"], share)
            lines.append(line(world, item, amount=total, period=(moment, end), proration=True, text=f"{text} {id}"))
    return lines


def priced(item: Obj) -> tuple[str, Any]:
    return item["price"]["id"], item.get("quantity")


def cycle_lines(world: World, subscription: Obj, items: list[Obj]) -> list[Obj]:
    """The lines of a renewal: its licensed items for the period that begins, then what was pending."""
    lines = []
    for item in items:
        if item["price"]["recurring"]["usage_type"] == "licensed":
            period = (item["current_period_start"], item["current_period_end"])
            total = amounts.amount(item["price"], item["quantity"])
            text = f"{item['quantity']} × {item['price']['id']}"
            lines.append(line(world, item, amount=total, period=period, proration=False, text=text))
    return lines + pending_lines(world, subscription)


def pending_lines(world: World, subscription: Obj) -> list[Obj]:
    """The lines of the pending invoice items of a subscription, and of its customer's that name none."""
    found = [i for i in world.stripe["invoiceitems"].values() if is_pending(i, subscription)]
    return [item_line(world, item) for item in found]


def is_pending(item: Obj, subscription: Obj) -> bool:
    owner = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription")
    return (
        item["invoice"] is None and item["customer"] == subscription["customer"] and owner in (None, subscription["id"])
    )


def item_line(world: World, item: Obj) -> Obj:
    """The line of an invoice item."""
    owner = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription")
    return {
        "id": world.next_id("il"),
        "object": "line_item",
        "amount": item["amount"],
        "currency": item["currency"],
        "description": item["description"],
        "discount_amounts": [],
        "discountable": item["discountable"],
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": dict(item["metadata"]),
        "parent": {
            "type": "invoice_item_details",
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": item["proration"],
                "proration_details": {"credited_items": None},
                "subscription": owner,
            },
            "subscription_item_details": None,
        },
        "period": dict(item["period"]),
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subscription": owner,
        "subtotal": item["amount"],
        "taxes": [],
    }


def pending_item(world: World, subscription: Obj, part: Obj) -> Obj:
    """The invoice item that a proration line waits as, until an invoice takes it."""
    details = part["parent"]["subscription_item_details"]
    return {
        "id": world.next_id("ii"),
        "object": "invoiceitem",
        "amount": part["amount"],
        "created": world.now,
        "currency": part["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": world.now,
        "description": part["description"],
        "discountable": False,
        "discounts": [],
        "invoice": None,
        "livemode": False,
        "metadata": {},
        "net_amount": part["amount"],
        "parent": {
            "type": "subscription_details",
            "subscription_details": {
                "subscription": subscription["id"],
                "subscription_item": details["subscription_item"],
            },
        },
        "period": part["period"],
        "pricing": part["pricing"],
        "proration": True,
        "proration_details": {"discount_amounts": []},
        "quantity": part["quantity"] or 1,
        "quantity_decimal": part["quantity_decimal"],
        "tax_rates": [],
        "test_clock": None,
    }


def add_line(world: World, invoice: Obj, part: Obj) -> None:
    """Puts one more line on a draft and adds it up anew."""
    part["invoice"] = invoice["id"]
    invoice["lines"]["data"].append(part)
    add_up(world, invoice)


def add_up(world: World, invoice: Obj) -> None:
    """The totals of a draft, from its lines and discounts."""
    lines = invoice["lines"]["data"]
    for part in lines:
        part["discount_amounts"] = []
    taken = discounts.apply(world, invoice["discounts"], lines, invoice["currency"])
    subtotal = sum(part["amount"] for part in lines)
    total = subtotal - sum(d["amount"] for d in taken)
    invoice |= {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_excluding_tax": total,
        "total_discount_amounts": taken,
        "amount_due": max(total, 0),
        "amount_remaining": max(total, 0),
    }


def build(world: World, subscription: Obj, lines: list[Obj], *, reason: str, preview: bool = False) -> Obj:
    """An invoice with these lines. A preview gets an id of the form that Stripe gives to previews and is not kept.

    A renewal's invoice is a draft for an hour, whoever is charged; the first of an automatic collection is not.
    """
    id = world.next_id("upcoming_in" if preview else "in")
    for part in lines:
        part["invoice"] = id
        take_item(world, part, id, preview=preview)
    subtotal = sum(part["amount"] for part in lines)
    taken = discounts.apply(world, subscription["discounts"], lines, subscription["currency"])
    total = subtotal - sum(d["amount"] for d in taken)
    automatic = subscription["collection_method"] == "charge_automatically" and reason != "subscription_cycle"
    customer = world.stripe["customers"][subscription["customer"]]
    draft = not automatic
    paid = total if automatic and total > 0 else 0
    due = max(total, 0)
    nothing = (
        "account_tax_ids", "application", "custom_fields", "customer_address", "customer_phone", "customer_shipping",
        "default_payment_method", "default_source", "description", "from_invoice", "last_finalization_error",
        "latest_revision", "next_payment_attempt", "on_behalf_of", "receipt_number", "rendering", "shipping_cost",
        "shipping_details", "statement_descriptor", "test_clock", "webhooks_delivered_at", "customer_account",
        "effective_at", "footer", "ending_balance", "due_date", "number",
    )  # fmt: skip
    fields: Obj = dict.fromkeys(nothing)
    return fields | {
        "id": id,
        "object": "invoice",
        "account_country": world.account.get("country"),
        "account_name": None,
        "amount_due": due,
        "amount_overpaid": 0,
        "amount_paid": 0 if preview else paid,
        "amount_remaining": due if preview else due - paid,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": automatic and not preview,
        "auto_advance": True,
        "automatic_tax": {
            "enabled": subscription["automatic_tax"]["enabled"],
            "disabled_reason": None,
            "liability": {"type": "self"} if subscription["automatic_tax"]["enabled"] else None,
            "provider": "stripe" if subscription["automatic_tax"]["enabled"] else None,
            "status": "complete" if subscription["automatic_tax"]["enabled"] else None,
        },
        "automatically_finalizes_at": world.now + GRACE if draft and not preview else None,
        "billing_reason": "upcoming" if preview else reason,
        "collection_method": subscription["collection_method"],
        "created": world.now,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        "customer_email": customer.get("email"),
        "customer_name": customer.get("name"),
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [id for id in subscription["discounts"] if not id.startswith("preview:")],
        "issuer": {"type": "self"},
        "lines": {"object": "list", "data": lines, "has_more": False, "url": f"/v1/invoices/{id}/lines"},
        "livemode": False,
        "metadata": {},
        "parent": {
            "type": "subscription_details",
            "quote_details": None,
            "subscription_details": {
                "subscription": subscription["id"],
                "metadata": dict(subscription["metadata"]),
            },
        },
        "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
        "period_end": world.now,
        "period_start": world.now,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "draft" if draft or preview else "paid",
        "status_transitions": {
            "finalized_at": world.now if automatic and not preview else None,
            "marked_uncollectible_at": None,
            "paid_at": world.now if automatic and not preview else None,
            "voided_at": None,
        },
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal,
        "total": total,
        "total_discount_amounts": [d for d in taken if not d["discount"].startswith("preview:")],
        "total_excluding_tax": total,
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def standalone(world: World, customer: Obj, currency: str, method: str) -> Obj:
    """An empty draft of no subscription."""
    nobody = {
        "id": None, "customer": customer["id"], "currency": currency, "collection_method": method, "discounts": [],
        "automatic_tax": {"enabled": False}, "metadata": {},
    }  # fmt: skip
    invoice = build(world, nobody, [], reason="subscription_cycle")
    return invoice | {"billing_reason": "manual", "parent": None}


def due_to_finalize(world: World) -> list[Obj]:
    """The drafts whose time has come."""
    return [
        invoice
        for invoice in world.stripe["invoices"].values()
        if invoice["status"] == "draft" and invoice["auto_advance"] and is_due(invoice, world.now)
    ]


def finalize(world: World, invoice: Obj) -> None:
    """Nothing of an invoice's money changes after this."""
    invoice["status"] = "open" if invoice["amount_remaining"] else "paid"
    invoice["automatically_finalizes_at"] = None
    invoice["status_transitions"] = invoice["status_transitions"] | {"finalized_at": world.now}


def take_item(world: World, part: Obj, invoice: str, *, preview: bool) -> None:
    """An invoice item belongs to the invoice whose line it is."""
    details = part["parent"]["invoice_item_details"]
    if details and not preview:
        world.stripe["invoiceitems"][details["invoice_item"]]["invoice"] = invoice


def is_due(invoice: Obj, now: int) -> bool:
    moment: Any = invoice["automatically_finalizes_at"]
    return moment is not None and moment <= now
