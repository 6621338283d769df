"""The lines of invoices, and the invoice items behind them."""

from __future__ import annotations

from sandbox.billing import amounts
from sandbox.world.state import Obj, World

MAX_ITEMS = 250  # on one invoice; what is pending beyond that waits for the next one (SB 3.2)


def subscription_line(
    world: World, item: Obj, *, amount: int, period: tuple[int, int], proration: bool, text: str
) -> Obj:
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


def pending_lines(world: World, subscription: Obj) -> list[Obj]:
    """The lines of the pending invoice items of a subscription, and of its customer's that name none."""
    found = [i for i in world.stripe["invoiceitems"].values() if is_pending(i, subscription)]
    return [item_line(world, item) for item in found[:MAX_ITEMS]]


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


def take_item(world: World, part: Obj, invoice: str, *, preview: bool) -> None:
    """An invoice item belongs to the invoice whose line it is."""
    details = part["parent"]["invoice_item_details"]
    if details and not preview:
        world.stripe["invoiceitems"][details["invoice_item"]]["invoice"] = invoice
