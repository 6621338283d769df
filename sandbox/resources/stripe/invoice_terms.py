"""The terms of an invoice of no subscription: discounts, automatic tax, manual tax rates, and what it looks like."""

from __future__ import annotations

from sandbox.billing import discounts, taxing
from sandbox.resources.stripe import tax, tax_rates
from sandbox.world.refusal import NotModelled
from sandbox.world.state import Obj, World

NAMES = ("discounts", "automatic_tax", "default_tax_rates")
TEXTS = ("custom_fields", "description", "footer", "statement_descriptor")
LOOKS = (*TEXTS, "payment_settings", "rendering")


def terms(world: World, customer: Obj, params: Obj) -> Obj:
    """Return the fields that these parameters make. Without ``discounts`` the customer's is inherited (SB 21.4)."""
    enabled = bool(params.get("automatic_tax", {}).get("enabled"))
    manual = rates(world, params, automatic=enabled)
    if enabled:
        check_automatic(world, customer)
    return {
        "discounts": invoice_discounts(world, customer, params.get("discounts")),
        "automatic_tax": taxing.automatic_tax(world, customer, enabled=enabled),
        "default_tax_rates": manual,
    }


def looks(invoice: Obj, params: Obj) -> Obj:
    """Return the fields of an invoice that change nothing of what is charged; an empty text clears one."""
    if params.get("payment_settings", {}).get("payment_method_options"):
        raise NotModelled("payment_settings[payment_method_options]")
    shown: Obj = {name: params[name] or None for name in TEXTS if name in params}
    for name in ("payment_settings", "rendering"):
        given = {field: value if value != "" else None for field, value in params.get(name, {}).items()}
        shown |= {name: (invoice[name] or {}) | given} if given else {}
    return shown


def check_automatic(world: World, customer: Obj) -> None:
    """Refuse automatic tax that is not set up, and a missing location (``unknowns.one_off_without_location``).

    Else the invoice is made, and its finalization fails (SB 17.3).
    """
    tax.check_set_up(world)
    if world.unknowns["one_off_without_location"]:
        tax.check_location(customer)


def rates(world: World, params: Obj, *, automatic: bool) -> list[Obj]:
    """Return the manual tax rates of an invoice, which automatic tax excludes (SB 3.4)."""
    given = params.get("default_tax_rates") or []
    tax.refuse_rates(given, [], automatic=automatic)
    return tax_rates.chosen(world, given, "default_tax_rates")


def invoice_discounts(world: World, customer: Obj, given: object) -> list[str]:
    """Return the discounts of an invoice: a list replaces, an empty text means none, absence means the customer's."""
    inherited = customer.get("discount")
    ids = [inherited["id"] if isinstance(inherited, dict) else inherited] if inherited else []
    holder = {"id": None, "customer": customer["id"], "discounts": ids}
    return discounts.chosen(world, holder, given, keep=True)
