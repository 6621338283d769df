"""Stripe Tax on invoices: a missing location, and items that it refuses. No automatic tax is computed here.

Sources: SB 17.2 (a renewal finalizes without tax and Stripe switches automatic tax off), SB 17.3 (finalization fails), SB 17.4
(refused items), SB 21.12 (the status is readable on the draft).
"""

from __future__ import annotations

from decimal import Decimal

from sandbox.world.refusal import invalid
from sandbox.world.state import EventSink, Obj, World

MISSING = "requires_location_inputs"
DEFAULTS: Obj = {"provider": "stripe", "tax_behavior": None, "tax_code": None}


def is_usable(address: Obj | None) -> bool:
    """Return whether Stripe Tax can use an address: a country, in the US a five-digit ZIP, in Canada a province."""
    country = (address or {}).get("country")
    if not address or not country:
        return False
    if country == "US":
        code = str(address.get("postal_code") or "")
        return len(code) >= 5 and code[:5].isdigit()
    return country != "CA" or bool(address.get("state") or address.get("postal_code"))


def is_located(world: World, invoice: Obj) -> bool:
    """Return whether Stripe Tax can use the location of an invoice's customer."""
    return is_usable(world.stripe["customers"][invoice["customer"]].get("address"))


def automatic_tax(world: World, customer: Obj, *, enabled: bool) -> Obj:
    """Return the ``automatic_tax`` of a new invoice: on a draft its status tells already whether the location can be used."""
    status = ("complete" if is_usable(customer.get("address")) else MISSING) if enabled else None
    owner = {"liability": {"type": "self"}, "provider": "stripe"} if enabled else {"liability": None, "provider": None}
    return {"enabled": enabled, "disabled_reason": None, **owner, "status": status}


def see_location(world: World, customer: Obj) -> None:
    """Carry a customer's new address to the status of its drafts."""
    status = "complete" if is_usable(customer.get("address")) else MISSING
    for invoice in world.stripe["invoices"].values():
        if (
            invoice["customer"] == customer["id"]
            and invoice["status"] == "draft"
            and invoice["automatic_tax"]["enabled"]
        ):
            invoice["automatic_tax"] = invoice["automatic_tax"] | {"status": status}


def check_location(world: World, invoice: Obj) -> Obj | None:
    """Return the error that keeps an invoice without a usable location a draft, or None.

    An invoice without a subscription always fails (SB 17.3), a subscription's in a world with the older behaviour (C5).
    """
    if not invoice["automatic_tax"]["enabled"] or is_located(world, invoice):
        return None
    if subscription_of(invoice) is not None and world.unknowns["missing_location_finalizes"]:
        return None
    message = "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax."
    return {"type": "invalid_request_error", "code": "customer_tax_location_invalid", "message": message}


def check_items(world: World, invoice: Obj) -> Obj | None:
    """Return the error that keeps an invoice a draft whose items automatic tax refuses, or None (SB 17.4).

    The item was pending; on a draft it is refused. ``unknowns.pending_negative_with_tax`` says whether the invoice is.
    """
    if not invoice["automatic_tax"]["enabled"] or not world.unknowns["pending_negative_with_tax"]:
        return None
    for line in invoice["lines"]["data"]:
        refusal = objection(world, line) if is_item(line) else None
        if refusal is not None:
            message, _ = refusal
            return {"type": "invalid_request_error", "code": "invoice_finalization_failed", "message": message}
    return None


def is_item(line: Obj) -> bool:
    """Return whether a line is an invoice item; prorations are taxed, and are none."""
    details = line["parent"].get("invoice_item_details")
    return bool(details and not details["proration"])


def switch_off(world: World, invoice: Obj, sink: EventSink) -> None:
    """Switch automatic tax off, on an invoice without a usable location and on its subscription, for good (SB 17.2)."""
    if not invoice["automatic_tax"]["enabled"] or is_located(world, invoice):
        return
    off = {"enabled": False, "liability": None, "provider": None}
    invoice["automatic_tax"] = off | {"disabled_reason": f"finalization_{MISSING}", "status": None}
    subscription = world.stripe["subscriptions"][subscription_of(invoice) or ""]
    before = dict(subscription)
    subscription["automatic_tax"] = {"enabled": False, "disabled_reason": MISSING, "liability": None}
    sink("customer.subscription.updated", subscription, before)


def subscription_of(invoice: Obj) -> str | None:
    """Return the id of the subscription that an invoice belongs to."""
    details = (invoice["parent"] or {}).get("subscription_details") or {}
    return details.get("subscription")


def refuse_item(world: World, invoice: Obj, item: Obj) -> None:
    """Refuse an item on the draft of an invoice with automatic tax that cannot be taxed (SB 17.4)."""
    if not invoice["automatic_tax"]["enabled"]:
        return
    refusal = objection(world, item, is_proration=bool(item["proration"]))
    if refusal is not None:
        message, param = refusal
        raise invalid(message, param=param)


def refuse_added(world: World, subscription: Obj, item: Obj, place: str) -> None:
    """Refuse an item that a request adds to an invoice of a taxed subscription; ``place`` is its parameter (SB 17.4)."""
    refusal = objection(world, item) if subscription["automatic_tax"]["enabled"] else None
    if refusal is not None:
        message, param = refusal
        raise invalid(message, param=f"{place}[{'tax_rates' if param == 'tax_rates' else 'price'}]")


def objection(world: World, item: Obj, *, is_proration: bool = False) -> tuple[str, str] | None:
    """Return why automatic tax cannot tax an item or its line, and the parameter at fault.

    It is negative, of no tax behaviour, or has tax rates of its own.
    """
    if item["tax_rates"]:
        return "You cannot use `tax_rates` on an invoice item while automatic tax is enabled.", "tax_rates"
    if Decimal(item["amount"]) < 0 and not is_proration:
        return "Negative invoice items are not supported while automatic tax is enabled.", "amount"
    price = world.stripe["prices"].get(item["pricing"]["price_details"]["price"], {})
    default = (world.tax_settings.get("defaults") or DEFAULTS)["tax_behavior"]
    if default is None and price.get("tax_behavior", "unspecified") in (None, "unspecified"):
        message = "`tax_behavior` must be set on every item while automatic tax is enabled."
        return message, "price_data[tax_behavior]"
    return None
