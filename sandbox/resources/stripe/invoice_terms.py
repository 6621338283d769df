"""The terms of an invoice of no subscription: discounts, automatic tax, manual tax rates."""

from __future__ import annotations

from sandbox.billing import discounts
from sandbox.resources.stripe import tax
from sandbox.resources.stripe.objects import get
from sandbox.world.refusal import invalid
from sandbox.world.state import Obj, World

NAMES = ("discounts", "automatic_tax", "default_tax_rates")


def terms(world: World, customer: Obj, params: Obj) -> Obj:
    """Return the fields that these parameters make. Without ``discounts`` the customer's is inherited (SB 21.4)."""
    enabled = bool(params.get("automatic_tax", {}).get("enabled"))
    rates = params.get("default_tax_rates") or []
    if enabled and rates:
        raise invalid("You cannot set `default_tax_rates` when automatic tax is enabled.", param="default_tax_rates")
    tax.check_automatic(world, customer, params, [])
    return {
        "discounts": invoice_discounts(world, customer, params.get("discounts")),
        "automatic_tax": {
            "enabled": enabled,
            "disabled_reason": None,
            "liability": {"type": "self"} if enabled else None,
            "provider": "stripe" if enabled else None,
            "status": "complete" if enabled else None,
        },
        "default_tax_rates": [
            get(world, "tax_rates", rate, kind="tax rate", param="default_tax_rates", status=400) for rate in rates
        ],
    }


def invoice_discounts(world: World, customer: Obj, given: object) -> list[str]:
    """Return the discounts of an invoice: a list replaces, an empty text means none, absence means the customer's."""
    inherited = customer.get("discount")
    ids = [inherited["id"] if isinstance(inherited, dict) else inherited] if inherited else []
    holder = {"id": None, "customer": customer["id"], "discounts": ids}
    return discounts.chosen(world, holder, given, keep=True)
