"""Invoices: made of lines, added up, and finalized."""

from __future__ import annotations

from sandbox.billing import discounts, drafts, rates, taxing
from sandbox.billing.lines import take_item
from sandbox.world.state import DAY, Obj, World


def add_line(world: World, invoice: Obj, part: Obj) -> None:
    """Add a line to a draft and update its totals."""
    part["invoice"] = invoice["id"]
    invoice["lines"]["data"].append(part)
    add_up(world, invoice)


def remove_line(invoice: Obj, part: Obj) -> None:
    """Take a line off a draft; its id stays a cursor, in the place of the line that followed it (FACTS_B 111)."""
    rows = invoice["lines"]["data"]
    place = rows.index(part)
    del rows[place]
    invoice["removed"] = invoice.get("removed", {}) | {part["id"]: rows[place]["id"] if place < len(rows) else None}


def add_up(world: World, invoice: Obj) -> None:
    """The totals of a draft, from its lines, discounts and manual tax rates."""
    lines = invoice["lines"]["data"]
    for part in lines:
        part["discount_amounts"] = []
    taken = discounts.apply(world, invoice["discounts"], lines, invoice["currency"])
    invoice["lines"]["total_count"] = len(lines)
    invoice |= sums(world, invoice, lines, taken)


def sums(world: World, invoice: Obj, lines: list[Obj], taken: list[Obj]) -> Obj:
    """Return the sums of an invoice; ``taken`` are the sums of its discounts, which lower what is taxed.

    Exclusive taxes are in ``total`` alone; inclusive ones are in ``subtotal`` too (types).
    """
    taxes = rates.apply(world, invoice, lines)
    subtotal = sum(part["amount"] for part in lines)
    total = subtotal - sum(d["amount"] for d in taken) + rates.added(taxes)
    return {
        "subtotal": subtotal,
        "subtotal_excluding_tax": subtotal - rates.contained(world, invoice, lines),
        "total": total,
        "total_excluding_tax": total - sum(tax["amount"] for tax in taxes),
        "total_discount_amounts": [d for d in taken if not d["discount"].startswith("preview:")],
        "total_taxes": taxes,
        "amount_due": max(total, 0),
        "amount_remaining": max(total, 0),
    }


def build(
    world: World, subscription: Obj, lines: list[Obj], *, reason: str, preview: bool = False, since: int | None = None
) -> Obj:
    """Return a draft with these lines. A preview gets an id of the form that Stripe gives to previews and is not kept.

    A renewal's invoice is finalized an hour later for both collection methods, and so is the first one that is sent; one that
    belongs into its call is finalized by ``finalizing.issue``.
    """
    id = world.next_id("upcoming_in" if preview else "in")
    for part in lines:
        part["invoice"] = id
        show_metadata(part, subscription)
        take_item(world, part, id, preview=preview)
    given = discounts.of_invoices(world, subscription)
    taken = discounts.apply(world, given, lines, subscription["currency"])
    automatic = subscription["collection_method"] == "charge_automatically" and reason != "subscription_cycle"
    customer = world.stripe["customers"][subscription["customer"]]
    nothing = (
        "account_tax_ids", "application", "custom_fields",
        "default_payment_method", "default_source", "description", "from_invoice", "last_finalization_error",
        "latest_revision", "next_payment_attempt", "on_behalf_of", "receipt_number", "rendering", "shipping_cost",
        "shipping_details", "statement_descriptor", "test_clock", "customer_account",
        "effective_at", "footer", "ending_balance", "number", "hosted_invoice_url", "invoice_pdf",
    )  # fmt: skip
    fields: Obj = dict.fromkeys(nothing)
    days = subscription.get("days_until_due") if subscription["collection_method"] == "send_invoice" else None
    invoice = fields | {
        "id": id,
        "object": "invoice",
        "account_country": world.account.get("country"),
        "account_name": None,
        "amount_overpaid": 0,
        "amount_paid": 0,
        "amount_shipping": 0,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": taxing.automatic_tax(world, customer, enabled=subscription["automatic_tax"]["enabled"]),
        "automatically_finalizes_at": None,
        "billing_reason": "upcoming" if preview else reason,
        "collection_method": subscription["collection_method"],
        "created": world.now,
        "currency": subscription["currency"],
        "customer": subscription["customer"],
        **{f"customer_{name}": customer.get(name) for name in ("address", "email", "name", "phone", "shipping")},
        "customer_tax_exempt": customer.get("tax_exempt") or "none",
        "customer_tax_ids": [],
        "default_tax_rates": list(subscription.get("default_tax_rates") or []),
        "discounts": [id for id in given if not id.startswith("preview:")],
        "issuer": {"type": "self"},
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "total_count": len(lines),
            "url": f"/v1/invoices/{id}/lines",
        },
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
        "period_start": world.now if since is None else since,
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": {
            "finalized_at": None,
            "marked_uncollectible_at": None,
            "paid_at": None,
            "voided_at": None,
        },
        "total_pretax_credit_amounts": [],
        "webhooks_delivered_at": None if preview else world.now,
        "due_date": world.now + days * DAY if days is not None else None,
    }
    invoice |= sums(world, invoice, lines, taken)
    if not automatic and not preview:
        drafts.schedule(world, invoice)
    if not preview:
        discounts.consume(world, subscription, invoice["subtotal"])
    return invoice


def show_metadata(part: Obj, subscription: Obj) -> None:
    """Show the metadata of the subscription on a line that is of it and of no invoice item (types, ``metadata``)."""
    details = part["parent"]["subscription_item_details"] or {}
    if details and not details["proration"]:
        part["metadata"] = dict(subscription["metadata"])


def standalone(world: World, customer: Obj, currency: str, method: str) -> Obj:
    """Return an empty draft of no subscription."""
    nobody = {
        "id": None, "customer": customer["id"], "currency": currency, "collection_method": method, "discounts": [],
        "automatic_tax": {"enabled": False}, "default_tax_rates": [], "metadata": {},
    }  # fmt: skip
    invoice = build(world, nobody, [], reason="subscription_cycle")
    return invoice | {"billing_reason": "manual", "parent": None}
