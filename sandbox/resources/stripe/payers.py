"""The customer that an invoice or an invoice item names, and the one currency that a customer is charged in (SB 11.12)."""

from __future__ import annotations

from sandbox.resources.stripe.objects import get
from sandbox.world.refusal import absent, invalid, missing
from sandbox.world.state import Obj, World


def named(world: World, params: Obj) -> Obj:
    """Return the customer of a request's body; without one it is refused (FACTS_A 63), and so is a deleted one."""
    if "customer" not in params:
        raise absent("customer")
    customer = get(world, "customers", params["customer"], kind="customer", param="customer", status=400)
    if customer.get("deleted"):
        raise missing("customer", customer["id"], param="customer", status=400)
    return customer


def check_method(world: World, customer: str, id: str | None, *, param: str = "default_payment_method") -> None:
    """Refuse a default payment method that is unknown, or that is attached to another customer or to none."""
    if not id:
        return
    method = get(world, "payment_methods", id, kind="PaymentMethod", param=param, status=400)
    if method["customer"] != customer:
        raise invalid(
            f"The customer does not have a payment method with the ID {id}. The payment method must be attached to the "
            "customer.",
            param=param,
            code="resource_missing",
        )


def check_currency(customer: Obj, currency: str) -> None:
    """Refuse another currency than the one that the customer is locked to."""
    if customer["currency"] not in (None, currency):
        raise invalid(
            "You cannot combine currencies on a single customer. This customer has an active subscription, subscription "
            "schedule, discount, quote, invoice item or active subscription mode checkout session with currency "
            f"{customer['currency']}.",
            param="currency",
        )


def currency_of(world: World, customer: Obj) -> str:
    """Return the currency of an invoice that names none: the customer's, else its pending items', else the account's."""
    pending = (
        item["currency"]
        for item in world.newest_first("invoiceitems")
        if item["customer"] == customer["id"] and item["invoice"] is None and not item.get("gone")
    )
    return str(customer["currency"] or next(pending, None) or world.account.get("default_currency") or "usd")
