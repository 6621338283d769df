"""The currencies that Stripe takes, and the amounts that it takes in them."""

from __future__ import annotations

from sandbox.world.refusal import StripeRefusal, invalid

SUPPORTED = frozenset(
    [
        "aed",
        "afn",
        "all",
        "amd",
        "ang",
        "aoa",
        "ars",
        "aud",
        "awg",
        "azn",
        "bam",
        "bbd",
        "bdt",
        "bgn",
        "bif",
        "bmd",
        "bnd",
        "bob",
        "brl",
        "bsd",
        "bwp",
        "byn",
        "bzd",
        "cad",
        "cdf",
        "chf",
        "clp",
        "cny",
        "cop",
        "crc",
        "cve",
        "czk",
        "djf",
        "dkk",
        "dop",
        "dzd",
        "egp",
        "etb",
        "eur",
        "fjd",
        "fkp",
        "gbp",
        "gel",
        "gip",
        "gmd",
        "gnf",
        "gtq",
        "gyd",
        "hkd",
        "hnl",
        "htg",
        "huf",
        "idr",
        "ils",
        "inr",
        "isk",
        "jmd",
        "jpy",
        "kes",
        "kgs",
        "khr",
        "kmf",
        "krw",
        "kyd",
        "kzt",
        "lak",
        "lbp",
        "lkr",
        "lrd",
        "lsl",
        "mad",
        "mdl",
        "mga",
        "mkd",
        "mmk",
        "mnt",
        "mop",
        "mur",
        "mvr",
        "mwk",
        "mxn",
        "myr",
        "mzn",
        "nad",
        "ngn",
        "nio",
        "nok",
        "npr",
        "nzd",
        "pab",
        "pen",
        "pgk",
        "php",
        "pkr",
        "pln",
        "pyg",
        "qar",
        "ron",
        "rsd",
        "rub",
        "rwf",
        "sar",
        "sbd",
        "scr",
        "sek",
        "sgd",
        "shp",
        "sle",
        "sos",
        "srd",
        "std",
        "szl",
        "thb",
        "tjs",
        "top",
        "try",
        "ttd",
        "twd",
        "tzs",
        "uah",
        "ugx",
        "usd",
        "uyu",
        "uzs",
        "vnd",
        "vuv",
        "wst",
        "xaf",
        "xcd",
        "xof",
        "xpf",
        "yer",
        "zar",
        "zmw",
    ]
)
LARGEST = 999_999_999_999  # 12 digits, as cards take them


def check(currency: str, param: str = "currency") -> str:
    """Return a currency's code in lower case. Raises StripeRefusal for one that Stripe does not take."""
    if currency.lower() not in SUPPORTED:
        supported = ", ".join(["usd", *sorted(SUPPORTED - {"usd"})])
        raise invalid(
            f"Invalid currency: {currency}. Stripe currently supports these currencies: {supported}", param=param
        )
    return currency.lower()


def check_key(currency: str, param: str) -> str:
    """Return a currency that is the key of a map: lower case only (FACTS_A 92)."""
    if currency != currency.lower():
        raise invalid(
            f"Currencies must be lowercase when used as keys in a map. Use `{currency.lower()}` instead of `{currency}`.",
            param=param,
        )
    return check(currency, param)


def at_least(param: str, least: float | int, value: float | int) -> StripeRefusal:
    """Return the refusal of a number that is too small (FACTS_A 91)."""
    return invalid(f"This value must be greater than or equal to {least} (it currently is '{value}').", param=param)


def at_most(param: str, most: float | int, value: float | int) -> StripeRefusal:
    """Return the refusal of a number that is too large."""
    return invalid(f"This value must be less than or equal to {most} (it currently is '{value}').", param=param)


def check_amount(amount: int, param: str) -> int:
    """Return an amount of minor units that has up to 12 digits, whatever its sign."""
    if abs(amount) > LARGEST:
        raise at_most(param, LARGEST, amount) if amount > 0 else at_least(param, -LARGEST, amount)
    return amount
