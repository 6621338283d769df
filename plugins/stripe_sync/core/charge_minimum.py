"""The least that Stripe charges, by currency: an invoice of less is paid uncharged, and becomes a debt (SB 12.7)."""

from __future__ import annotations

LEAST = {
    "gbp": 30, "aed": 200, "myr": 200, "pln": 200, "ron": 200, "dkk": 250, "nok": 300, "sek": 300, "hkd": 400,
    "mxn": 1000, "thb": 1000, "czk": 1500, "huf": 17_500,
}  # fmt: skip
OTHERS = 50  # of a currency that Stripe's table does not name


def is_chargeable(amount: int, currency: str) -> bool:
    """Return whether an amount due, minor units, can be charged; nothing due is settled without a charge."""
    return amount <= 0 or amount >= LEAST.get(currency, OTHERS)


def left_as_debt(total: int, balance: int, currency: str) -> int:
    """Return what Stripe would leave of an invoice's total as a debt on the customer's balance, minor units (FACTS_A 20).

    ``balance`` is the customer's before the invoice: negative for a credit, positive for a debt. 0 where the invoice is
    charged with that debt, or where the credit covers it.
    """
    due = total + balance
    return 0 if due <= 0 or is_chargeable(due, currency) else min(total, due)


def is_billable(total: int, balance: int, currency: str) -> bool:
    """Return whether a last invoice of a total, minor units, is worth making: what it asks for would not become a debt."""
    return is_chargeable(total, currency) or left_as_debt(total, balance, currency) == 0
