"""The lines of invoices, and the invoice items behind them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from sandbox.world.state import Obj, World

MAX_ITEMS = 250  # per invoice; further pending items wait for the next invoice (SB 3.2)
UNCHANGEABLE = ["pricing", "quantity", "discounts"]


def subscription_line(
    world: World,
    item: Obj,
    *,
    amount: int,
    period: tuple[int, int],
    proration: bool,
    text: str,
    unit: Decimal | None = None,
) -> Obj:
    """Return an invoice line of a subscription item. A proration has no unit amount and takes no discount."""
    price = item["price"]
    exact = None if proration or unit is None else f"{unit:f}"
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
        "parent": item_parent(item["subscription"], item["id"], proration=proration),
        "period": {"start": period[0], "end": period[1]},
        "pretax_credit_amounts": [],
        "pricing": pricing(price, exact),
        "quantity": item.get("quantity"),
        "quantity_decimal": str(item.get("quantity", 0)),
        "subtotal": amount,
        "tax_rates": item.get("tax_rates") or [],
        "taxes": [],
    }


def item_parent(subscription: str, item: str, *, proration: bool) -> Obj:
    """Return the ``parent`` of a line of a subscription item."""
    return {
        "type": "subscription_item_details",
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": subscription,
            "subscription_item": item,
        },
    }


def pricing(price: Obj, unit: str | None) -> Obj:
    """Return the price that a line or an invoice item names; no unit amount on a proration."""
    details = {"price": price["id"], "product": price["product"]}
    return {"type": "price_details", "price_details": details, "unit_amount_decimal": unit}


def room(lines: Sequence[Obj]) -> int:
    """Return how many more invoice items an invoice with these lines takes; prorations are invoice items too (SB 3.2)."""
    return MAX_ITEMS - sum(invoice_item_of(part) is not None for part in lines)


def oldest(items: list[Obj], most: int) -> list[Obj]:
    """Return the items that an invoice takes of the pending ones, newest first; the newest wait for the next (SB 3.2)."""
    return items[max(0, len(items) - max(0, most)) :]


def pending_lines(world: World, subscription: Obj, *, unowned: bool = True, most: int = MAX_ITEMS) -> list[Obj]:
    """Return lines of a subscription's pending items, and of its customer's without a subscription (SB 3.5)."""
    found = [i for i in world.newest_first("invoiceitems") if is_pending(i, subscription) and (unowned or owner_of(i))]
    return [item_line(world, item) for item in oldest(found, most)]


def is_pending(item: Obj, subscription: Obj) -> bool:
    """Return whether an invoice item waits for an invoice of this subscription, and is in its currency (SB 11.12)."""
    owners = (None, subscription["id"])
    alike = all(item[name] == subscription[name] for name in ("customer", "currency"))
    return item["invoice"] is None and alike and owner_of(item) in owners


def owner_of(item: Obj) -> str | None:
    """Return the subscription that an invoice item names."""
    found: Any = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription")
    return str(found) if found else None


def item_of(item: Obj) -> str | None:
    """Return the item of a subscription that an invoice item is about; a one-off item has none."""
    found: Any = ((item["parent"] or {}).get("subscription_details") or {}).get("subscription_item")
    return str(found) if found else None


def item_line(world: World, item: Obj) -> Obj:
    """Return the line of an invoice item."""
    owner = owner_of(item)
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
        "one_off": item_of(item) is None,
        "parent": parent_of(item, owner),
        "period": dict(item["period"]),
        "pretax_credit_amounts": [],
        "pricing": item["pricing"],
        "quantity": item["quantity"],
        "quantity_decimal": item["quantity_decimal"],
        "subtotal": item["amount"],
        "tax_rates": item.get("tax_rates") or [],
        "taxes": [],
    }


def parent_of(item: Obj, owner: str | None) -> Obj:
    """Return a line's ``parent``: the subscription item and credited lines of a proration, else the invoice item."""
    part = item_of(item)
    if item["proration"] and owner and part:
        parent = item_parent(owner, part, proration=True)
        credited = (item.get("proration_details") or {}).get("credited_items")
        parent["subscription_item_details"] |= {
            "invoice_item": item["id"],
            "proration_details": {"credited_items": credited and credited["invoice_line_item_details"]},
        }
        return parent
    return {
        "type": "invoice_item_details",
        "invoice_item_details": {
            "invoice_item": item["id"],
            "proration": item["proration"],
            "proration_details": {"credited_items": None},
            "subscription": owner,
        },
        "subscription_item_details": None,
    }


def pending_item(world: World, subscription: Obj, part: Obj) -> Obj:
    """Return the invoice item that a proration is: it waits until an invoice takes it.

    ``part`` is the line of ``prorations.proration_lines``, whose ``credits`` names the debit that it gives back.
    """
    details = part["parent"]["subscription_item_details"]
    credited = details["proration_details"]["credited_items"]
    wrapped = {"type": "invoice_line_items", "invoice_line_item_details": credited} if credited else None
    return {
        "id": world.next_id("ii"),
        "object": "invoiceitem",
        "amount": part["amount"],
        "created": world.now,
        "credits": part.get("credits"),
        "currency": part["currency"],
        "customer": subscription["customer"],
        "customer_account": None,
        "date": world.now,
        "description": part["description"],
        "discountable": False,
        "discounts": [],
        "frozen_fields": list(UNCHANGEABLE),
        "invoice": None,
        "invoicing_rules": [],
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
        "proration_details": {"credited_items": wrapped, "discount_amounts": []},
        "quantity": 1 if part["quantity"] is None else part["quantity"],
        "quantity_decimal": part["quantity_decimal"],
        "tax_rates": part["tax_rates"],
        "test_clock": None,
    }


def usage_item(world: World, subscription: Obj, part: Obj) -> Obj:
    """Return the invoice item for the usage of a removed metered item; it is no proration."""
    item = pending_item(world, subscription, part) | {"proration": False, "discountable": True, "frozen_fields": []}
    return item | {"proration_details": None}


def invoice_item_of(part: Obj) -> str | None:
    """Return the invoice item behind a line, where there is one."""
    parent = part["parent"]
    details: Any = parent["invoice_item_details"] or parent["subscription_item_details"] or {}
    found = details.get("invoice_item")
    return str(found) if found else None


def take_item(world: World, part: Obj, invoice: str, *, preview: bool) -> None:
    """Link the invoice item behind a line to the line's invoice."""
    item = invoice_item_of(part)
    if item and not preview:
        world.stripe["invoiceitems"][item]["invoice"] = invoice
