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
