"""Money as exact numbers: major units as Stigg writes them, minor units as Stripe counts them.

Exponents are Stripe's own (reference: its currencies page), not those of ISO 4217: MGA has none at Stripe, ISK and UGX
are sent with two that must be 00. Amounts of different currencies are never added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal

ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_UNITS = frozenset({"isk", "ugx"})  # sent with two decimals, which must be 00
# In Stigg's list of currencies and not in Stripe's: each was replaced by another at another value.
NOT_AT_STRIPE = frozenset({"hrk", "mro", "sll"})

# A sum of money: minor units by currency code in lower case. Never one number for several currencies.
Amounts = Mapping[str, Decimal]


def exponent(currency: str) -> int:
    """Decimals of a currency's minor unit at Stripe; the code in either case."""
    code = currency.lower()
    return 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2


def to_minor(amount: Decimal, currency: str) -> Decimal:
    """Major units as minor units, exactly: 0.0027 USD is 0.27 cents."""
    return amount.scaleb(exponent(currency))


def to_major(minor: Decimal, currency: str) -> Decimal:
    """Minor units as major units, exactly."""
    return minor.scaleb(-exponent(currency))


def chargeable_unit(currency: str) -> int:
    """The smallest amount that can be charged, minor units: a whole unit of ISK and UGX, ten of three-decimal currencies."""
    return 100 if currency.lower() in WHOLE_UNITS else 10 if currency.lower() in THREE_DECIMAL else 1


def is_chargeable(minor: Decimal, currency: str) -> bool:
    """Whether an invoice can carry this flat amount: whole minor units, and whole units for ISK and UGX."""
    return minor % chargeable_unit(currency) == 0


def is_rounding(difference: int, currency: str, *, lines: int = 1) -> bool:
    """Whether the amounts of so many lines may differ by this much, minor units, because Stripe rounds ties otherwise."""
    return abs(difference) <= lines * chargeable_unit(currency)


def round_minor(minor: Decimal) -> int:
    """Whole minor units, half up, as Stripe rounds each line of an invoice."""
    return int(minor.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def plain(number: Decimal) -> str:
    """A decimal in lowest terms and without exponent: ``10``, ``0.27``; equal numbers give equal text."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def total(parts: Iterable[Amounts]) -> dict[str, Decimal]:
    """Sums, currency by currency; a sum of zero is kept."""
    sums: dict[str, Decimal] = {}
    for part in parts:
        for currency, amount in part.items():
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def shown(minor: Decimal, currency: str) -> str:
    """``12.50 USD``: for sentences that people read."""
    return f"{to_major(minor, currency):.{exponent(currency)}f} {currency.upper()}"


def shown_all(amounts: Amounts) -> str:
    """``12.50 USD, 300 JPY`` in order of currency, or ``nothing``."""
    return ", ".join(shown(amounts[c], c) for c in sorted(amounts) if amounts[c]) or "nothing"
