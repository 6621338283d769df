"""Manual tax rates on the lines of invoices: which a line has, and what they come to.

A rate of the line's own item goes before the invoice's defaults (SB 3.4). Each rate is rounded half up per line, after
discounts, then summed (SB 5.4). An inclusive rate is a part of the line's amount, an exclusive one is added to the total.
"""

from __future__ import annotations

from decimal import Decimal

from sandbox.billing.amounts import round_half_up
from sandbox.billing.discounts import left_of
from sandbox.world.state import Obj, World

MANUAL = "manual"  # the billing reason of an invoice of no subscription


def apply(world: World, invoice: Obj, lines: list[Obj]) -> list[Obj]:
    """Set ``taxes`` of each line; return the sums by rate, as ``total_taxes`` shows them.

    An invoice with automatic tax has no manual rates, and its tax is not computed here.
    """
    for line in lines:
        rates = [] if invoice["automatic_tax"]["enabled"] else rates_of(world, invoice, line)
        line["taxes"] = taxes(rates, left_of(line))
    return by_rate([tax for line in lines for tax in line["taxes"]])


def by_rate(found: list[Obj]) -> list[Obj]:
    """Return the sums of taxes by their rate."""
    sums: dict[str, Obj] = {}
    for tax in found:
        id = tax["tax_rate_details"]["tax_rate"]
        known = sums.get(id, {})
        sums[id] = tax | {name: tax[name] + known.get(name, 0) for name in ("amount", "taxable_amount")}
    return list(sums.values())


def share(line: Obj, amount: int) -> list[Obj]:
    """Return the taxes inside a credit of a line; ``amount`` contains them, as a request with manual rates does (types)."""
    whole = left_of(line) + added(line["taxes"])
    part = Decimal(amount) / whole if whole else Decimal(0)
    names = ("amount", "taxable_amount")
    return [tax | {name: round_half_up(tax[name] * part) for name in names} for tax in line["taxes"]]


def rates_of(world: World, invoice: Obj, line: Obj) -> list[Obj]:
    """Return the rates of a line: its item's, else the invoice's.

    An invoice of a subscription has the subscription's default rates, and a one-off item does not inherit them (SB 3.4),
    unless the world says so.
    """
    own: list[Obj] = line.get("tax_rates") or []
    inherits = invoice["billing_reason"] == MANUAL or world.unknowns["items_inherit_tax_rates"]
    if own or (line.get("one_off") and not inherits):
        return own
    return list(invoice["default_tax_rates"])


def taxes(rates: list[Obj], amount: int) -> list[Obj]:
    """Return what each rate comes to on an amount after discounts, minor units."""
    inclusive = [rate for rate in rates if rate["inclusive"]]
    whole = 100 + sum((percent(rate) for rate in inclusive), Decimal(0))
    parts = {rate["id"]: round_half_up(Decimal(amount) * percent(rate) / whole) for rate in inclusive}
    net = amount - sum(parts.values())
    for rate in rates:
        if not rate["inclusive"]:
            parts[rate["id"]] = round_half_up(Decimal(net) * percent(rate) / 100)
    return [shown(rate, parts[rate["id"]], net) for rate in rates]


def percent(rate: Obj) -> Decimal:
    return Decimal(str(rate["percentage"]))


def shown(rate: Obj, amount: int, taxable: int) -> Obj:
    """Return one tax of a line; the reason of a rate that was set by hand is ``not_available``."""
    return {
        "amount": amount,
        "tax_behavior": "inclusive" if rate["inclusive"] else "exclusive",
        "tax_rate_details": {"tax_rate": rate["id"]},
        "taxability_reason": "not_available",
        "taxable_amount": taxable,
        "type": "tax_rate_details",
    }


def added(taxes_of: list[Obj]) -> int:
    """Return the exclusive taxes, which are added to amounts."""
    return sum(tax["amount"] for tax in taxes_of if tax["tax_behavior"] == "exclusive")


def contained(world: World, invoice: Obj, lines: list[Obj]) -> int:
    """Return the inclusive taxes inside the amounts of lines before discounts."""
    if invoice["automatic_tax"]["enabled"]:
        return 0
    found = [tax for line in lines for tax in taxes(rates_of(world, invoice, line), line["amount"])]
    return sum(tax["amount"] for tax in found if tax["tax_behavior"] == "inclusive")
