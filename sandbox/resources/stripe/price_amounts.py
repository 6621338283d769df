"""Amounts of a price: minor units, amounts that the customer chooses, tiers, and options by currency."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.world import currencies
from sandbox.world.refusal import invalid, only_one
from sandbox.world.state import Obj

DECIMALS = 12  # decimal places of a unit amount
UNSET: Obj = {"unit_amount": None, "unit_amount_decimal": None, "custom_unit_amount": None}


def amounts(params: Obj) -> Obj:
    """Return the fields of a price for one unit: ``unit_amount`` is null where it is not whole (FACTS_A 86)."""
    if params.get("custom_unit_amount"):
        chosen = params["custom_unit_amount"]
        return UNSET | {"custom_unit_amount": {n: chosen.get(n) for n in ("maximum", "minimum", "preset")}}
    if "unit_amount" in params and "unit_amount_decimal" in params:
        raise only_one("unit_amount", "unit_amount_decimal")
    if "unit_amount" not in params and "unit_amount_decimal" not in params:
        raise invalid("Prices require an `unit_amount` or `unit_amount_decimal` parameter to be set.")
    exact = decimal_of(params, "unit_amount")
    whole = exact == exact.to_integral_value()
    if exact < 0:
        raise invalid("Invalid non-negative integer", param="unit_amount")
    if exact > currencies.LARGEST:
        raise currencies.at_most("unit_amount", currencies.LARGEST, int(exact))
    if params["currency"] in ("isk", "ugx") and whole and exact % 100:
        raise invalid("Amounts in this currency must be divisible by 100", param="unit_amount")
    return UNSET | {"unit_amount": int(exact) if whole else None, "unit_amount_decimal": f"{exact.normalize():f}"}


def decimal_of(part: Obj, name: str) -> Decimal:
    """Return an amount that is given whole or as a decimal without exponent, of at most 12 places."""
    raw: Any = part.get(f"{name}_decimal", part.get(name))
    if "e" in str(raw).lower():
        raise invalid(f"Invalid decimal: {raw}; write it without exponent", param=f"{name}_decimal")
    try:
        exact = Decimal(str(raw))
    except ArithmeticError:
        raise invalid(f"Invalid decimal: {raw}", param=f"{name}_decimal") from None
    exponent = exact.as_tuple().exponent
    if isinstance(exponent, int) and -exponent > DECIMALS:
        raise invalid(f"{name}_decimal can have at most {DECIMALS} decimal places", param=f"{name}_decimal")
    return exact


def currency_options(params: Obj, own: str) -> Obj:
    """Return the amounts in other currencies; shown only when they are expanded (FACTS_A 85)."""
    options: Obj = {}
    for currency, given in params.get("currency_options", {}).items():
        currencies.check_key(currency, "currency_options")
        options[currency] = amounts(given | {"currency": currency}) | {
            "tax_behavior": given.get("tax_behavior", "unspecified")
        }
    if options and "billing_scheme" not in params:
        options[own] = amounts(params | {"currency": own}) | {"tax_behavior": params.get("tax_behavior", "unspecified")}
    return options


def tiers(params: Obj) -> list[Obj]:
    """Return the tiers in ascending order, the last one without end, each with an amount."""
    given = params.get("tiers") or []
    if not given or given[-1]["up_to"] != "inf":
        raise invalid("The last tier must have up_to=inf", param="tiers")
    if "tiers_mode" not in params:
        raise invalid("You must specify tiers_mode with tiers", param="tiers_mode")
    ends = [tier["up_to"] for tier in given[:-1]]
    if "inf" in ends or any(not isinstance(end, int) or end < 1 for end in ends):
        raise invalid("Every tier but the last one must have a positive integer `up_to`", param="tiers")
    if ends != sorted(set(ends)):
        raise invalid("Tiers must be given in ascending order of `up_to`", param="tiers")
    return [tier_of(tier, index) for index, tier in enumerate(given)]


def tier_of(tier: Obj, index: int) -> Obj:
    """Return one tier, with its amounts whole and as decimals."""
    made: Obj = {"up_to": None if tier["up_to"] == "inf" else tier["up_to"]}
    for name in ("unit_amount", "flat_amount"):
        present = name in tier or f"{name}_decimal" in tier
        exact = decimal_of(tier, name) if present else None
        whole = exact is not None and exact == exact.to_integral_value()
        if name == "flat_amount" and exact is not None and not whole:
            raise invalid("A tier's flat amount must be a whole number of minor units", param="tiers")
        if exact is not None and not 0 <= exact <= currencies.LARGEST:
            raise currencies.at_most(f"tiers[{index}][{name}]", currencies.LARGEST, int(exact))
        made[name] = int(exact) if exact is not None and whole else None
        made[f"{name}_decimal"] = None if exact is None else f"{exact.normalize():f}"
    if made["unit_amount_decimal"] is None and made["flat_amount_decimal"] is None:
        raise invalid("Each tier needs a `unit_amount` or a `flat_amount`", param=f"tiers[{index}]")
    return made
