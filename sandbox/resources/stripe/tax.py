"""Stripe Tax: whether it is set up, and whether a customer's location can be used. No tax is computed here."""

from __future__ import annotations

from collections.abc import Sequence

from sandbox.billing.taxing import is_usable
from sandbox.resources.stripe.objects import DERIVED, listed
from sandbox.resources.stripe.routes import PAGING, Call, route
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj, World

NOT_SET_UP = {
    "object": "tax.settings",
    "defaults": {"provider": "stripe", "tax_behavior": None, "tax_code": None},
    "head_office": None,
    "livemode": False,
    "status": "pending",
    "status_details": {"pending": {"missing_fields": ["head_office"]}},
}


@route("get", "/v1/tax/settings")
def retrieve_settings(call: Call) -> Obj:
    return {**NOT_SET_UP, **call.world.tax_settings}


@route("get", "/v1/tax/registrations", *PAGING - {"created"}, "status")
def list_registrations(call: Call) -> Obj:
    status = call.params.get("status", "all")
    return listed(call, "tax_registrations", lambda r: status == "all" or r["status"] == status)


def check_automatic(world: World, customer: Obj, params: Obj, items: list[Obj]) -> Obj:
    """Return the subscription's ``automatic_tax``, the account's default where none is sent (SB 21.7).

    Refused where the location or a price cannot be used.
    """
    enabled = bool(params.get("automatic_tax", {}).get("enabled", world.billing["automatic_tax"]))
    if enabled:
        check_set_up(world)
        check_location(customer)
        refuse_unspecified(world, items)
    return {"enabled": enabled, "disabled_reason": None, "liability": {"type": "self"} if enabled else None}


def check_set_up(world: World) -> None:
    """Refuse automatic tax in an account that has not set Stripe Tax up."""
    if {**NOT_SET_UP, **world.tax_settings}["status"] != "active":
        raise invalid("You must set up Stripe Tax before you enable automatic tax.", param="automatic_tax[enabled]")


def check_location(customer: Obj) -> None:
    """Refuse automatic tax for a customer whose location cannot be used."""
    if not is_usable(customer.get("address")):
        raise invalid(
            "The customer's location isn't recognized. Set a valid customer address in order to automatically "
            "calculate tax.",
            param="automatic_tax[enabled]",
            code="customer_tax_location_invalid",
        )


def refuse_rates(rates: Sequence[object], items: list[Obj], *, automatic: bool) -> None:
    """Refuse manual rates, of an object or of its items, beside automatic tax (SB 3.4, 17.4)."""
    if not automatic:
        return
    if rates:
        raise invalid("You cannot set `default_tax_rates` when automatic tax is enabled.", param="default_tax_rates")
    if any(item["tax_rates"] for item in items):
        raise invalid("You cannot use `tax_rates` on an item while automatic tax is enabled.", param="items")


def customer_tax(world: World, customer: Obj) -> Obj:
    """Return the tax status of a customer's location, shown on ``expand[]=tax``."""
    address = customer.get("address")
    usable = is_usable(address)
    location = (
        {"country": address["country"], "source": "billing_address", "state": address.get("state")}
        if usable and address
        else None
    )
    state = "supported" if usable else "unrecognized_location"
    return {"automatic_tax": state, "ip_address": None, "location": location, "provider": "stripe"}


DERIVED["customer", "tax"] = customer_tax


def refuse_unspecified(world: World, items: list[Obj]) -> None:
    """Prices need a tax behaviour, or the account a default."""
    default = ({**NOT_SET_UP, **world.tax_settings}["defaults"] or {}).get("tax_behavior")
    for item in items:
        behavior = world.stripe["prices"][item["price"]["id"]]["tax_behavior"]
        if default is None and behavior in (None, "unspecified"):
            raise invalid(f"The price {item['price']['id']} has no tax_behavior.", param="items")
