"""Stripe's minimum charge by currency. A smaller invoice is paid without a charge and becomes a debt (SB 12.7)."""

from __future__ import annotations

MINIMUM_CHARGE = {
    "gbp": 30,
    "aed": 200,
    "myr": 200,
    "pln": 200,
    "ron": 200,
    "dkk": 250,
    "nok": 300,
    "sek": 300,
    "hkd": 400,
    "mxn": 1000,
    "thb": 1000,
    "czk": 1500,
    "huf": 17_500,
}
DEFAULT_MINIMUM = 50  # of currencies that are not in Stripe's table


def is_chargeable(amount: int, currency: str) -> bool:
    """Return whether an amount due, minor units, can be charged; an amount of zero or less needs no charge."""
    return amount <= 0 or amount >= MINIMUM_CHARGE.get(currency, DEFAULT_MINIMUM)


def left_as_debt(total: int, balance: int, currency: str) -> int:
    """Return the part of an invoice's total that Stripe would leave as a debt on the customer's balance, minor units (FACTS_A 20).

    ``balance`` is the customer's balance before the invoice: negative for a credit, positive for a debt. The result is 0
    where the invoice is charged together with that debt, or the credit covers it.
    """
    due = total + balance
    return 0 if due <= 0 or is_chargeable(due, currency) else min(total, due)


def is_billable(total: int, balance: int, currency: str) -> bool:
    """Return whether a final invoice of a total, minor units, can be collected: it would not become a debt."""
    return is_chargeable(total, currency) or left_as_debt(total, balance, currency) == 0
