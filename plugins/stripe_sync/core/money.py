"""Money as exact numbers: major units (Stigg) and minor units (Stripe).

Exponents are Stripe's (https://docs.stripe.com/currencies), not those of ISO 4217: MGA has no decimals in Stripe; ISK and
UGX are sent with two decimals that must be 00. Amounts in different currencies are not added together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal

ZERO_DECIMAL = frozenset(
    {"bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf"}
)
THREE_DECIMAL = frozenset({"bhd", "jod", "kwd", "omr", "tnd"})
WHOLE_UNITS = frozenset({"isk", "ugx"})  # sent with two decimals, which must be 00
# In Stigg's list of currencies but not in Stripe's: replaced by a currency of a different value.
NOT_AT_STRIPE = frozenset({"hrk", "mro", "sll"})

LARGEST_AMOUNT = (
    999_999_999_999  # twelve digits of minor units, as cards take them (https://docs.stripe.com/currencies)
)

# Amounts in minor units, by currency code in lower case.
Amounts = Mapping[str, Decimal]


def exponent(currency: str) -> int:
    """Return the decimals of a currency in Stripe; the code may be in either case."""
    code = currency.lower()
    return 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2


def to_minor(amount: Decimal, currency: str) -> Decimal:
    """Convert major to minor units, exactly: 0.0027 USD is 0.27 cents."""
    return amount.scaleb(exponent(currency))


def to_major(minor: Decimal, currency: str) -> Decimal:
    """Convert minor to major units, exactly."""
    return minor.scaleb(-exponent(currency))


def chargeable_unit(currency: str) -> int:
    """Return the unit of amounts that can be charged, minor units: 100 for ISK and UGX, 10 for three-decimal currencies."""
    return 100 if currency.lower() in WHOLE_UNITS else 10 if currency.lower() in THREE_DECIMAL else 1


def is_chargeable(minor: Decimal, currency: str) -> bool:
    """Return whether a flat amount can be on an invoice: a multiple of the currency's chargeable unit."""
    return minor % chargeable_unit(currency) == 0


def is_rounding(difference: int, currency: str, *, lines: int = 1) -> bool:
    """Return whether a difference in minor units is within Stripe's rounding of ties, one unit per line."""
    return abs(difference) <= lines * chargeable_unit(currency)


def round_minor(minor: Decimal) -> int:
    """Round to whole minor units, half up, as Stripe rounds each line of an invoice."""
    return int(minor.to_integral_value(rounding=ROUND_HALF_UP))


def plain(number: Decimal) -> str:
    """Format a decimal without exponent and trailing zeros: ``10``, ``0.27``. Equal numbers give equal text."""
    text = f"{number:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("", "-0") else text


def total(parts: Iterable[Amounts]) -> dict[str, Decimal]:
    """Return the sums by currency; a sum of zero is kept."""
    sums: dict[str, Decimal] = {}
    for part in parts:
        for currency, amount in part.items():
            sums[currency] = sums.get(currency, Decimal(0)) + amount
    return sums


def shown(minor: Decimal, currency: str) -> str:
    """Format an amount in minor units: ``12.50 USD``."""
    return f"{to_major(minor, currency):.{exponent(currency)}f} {currency.upper()}"


def shown_all(amounts: Amounts) -> str:
    """Format amounts in order of currency: ``12.50 USD, 300 JPY``; ``nothing`` if all are zero."""
    return ", ".join(shown(amounts[c], c) for c in sorted(amounts) if amounts[c]) or "nothing"
