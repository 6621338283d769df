"""The descriptions that Stripe gives to lines of subscriptions, in English."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.world.state import Obj, World

SYMBOLS = {"usd": "$", "eur": "€", "gbp": "£", "cad": "CA$", "aud": "A$", "jpy": "¥"}
WHOLE = ("bif", "clp", "djf", "gnf", "jpy", "kmf", "krw", "mga", "pyg", "rwf", "vnd", "vuv", "xaf", "xof", "xpf")


def product_name(world: World, price: Obj) -> str:
    """Return the name of a price's product; the price's id where the product is gone."""
    product = world.stripe["products"].get(price["product"], {})
    return str(product.get("name", price["id"]))


def money(amount: Decimal, currency: str) -> str:
    """``$10.00``: an amount in minor units, with as many places as it needs and two at least."""
    major = amount if currency in WHOLE else amount / 100
    decimals = 0 if currency in WHOLE else max(2, -int(major.normalize().as_tuple().exponent))
    return f"{SYMBOLS.get(currency, currency.upper() + ' ')}{major:,.{decimals}f}"


def billing_interval(price: Obj) -> str:
    """``month``, or ``every 3 months``."""
    recurring = price["recurring"]
    count = recurring.get("interval_count") or 1
    return str(recurring["interval"]) if count == 1 else f"every {count} {recurring['interval']}s"


def charged(world: World, price: Obj, quantity: str, unit: Decimal, *, tier: int | None = None) -> str:
    """Return the text of a line for a whole period; a flat fee has no quantity."""
    name = product_name(world, price)
    which = f"Tier {tier} at " if tier else "at "
    counted = f"{quantity} × " if quantity else ""
    return f"{counted}{name} ({which}{money(unit, price['currency'])} / {billing_interval(price)})"


def prorated(world: World, price: Obj, quantity: int, *, what: str, moment: int) -> str:
    """``Unused time on 3 × Name after 21 Oct 2026``: the date is the proration's; a quantity of 1 is not named."""
    day = datetime.fromtimestamp(moment, UTC)
    counted = f"{quantity} × " if quantity != 1 else ""
    return f"{what} time on {counted}{product_name(world, price)} after {day.day:02d} {day:%b %Y}"
