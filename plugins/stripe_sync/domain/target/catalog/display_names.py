"""Display names of products: ``<PRODUCT> <PLAN> Plan`` and ``<PRODUCT> <ADDON> Add-on`` (BILLING 1)."""

from __future__ import annotations

import regex

from stripe_sync.core import keys
from stripe_sync.domain.model.documents import clean_text
from stripe_sync.domain.model.stigg import Package, Price

SUFFIX = {"plan": "Plan", "addon": "Add-on"}
FLAT_FEE, ONE_OFF, MINIMUM = "Base fee", "One-time fee", "Minimum spend"
LIMITS = {"product": 5000, "coupon": 40, "customer": 256, "description": 5000, "email": 512}


def package_name(kind: str, package: Package) -> str:
    """Return the product name of a plan or add-on; an add-on without a product has no prefix."""
    product = package.product
    prefix = (product.display_name or product.ref_id) if product else None
    words = [prefix, package.display_name, SUFFIX[kind]]
    return cut(" ".join(clean_text(word) or "" for word in words if word), LIMITS["product"])


def charge_name(kind: str, package: Package, price: Price, *, variant: str = "") -> str:
    """Return the product name of one charge, from its package and feature; ``variant`` as in ``core.keys``."""
    feature = price.feature
    charge = (feature.display_name or feature.ref_id) if feature else FLAT_FEE
    if variant == keys.MINIMUM:
        charge = MINIMUM
    elif variant == keys.ONE_OFF_VARIANT:
        charge = f"{charge}, one time" if feature else ONE_OFF
    elif variant == keys.OVERAGE:
        charge = f"{charge}, overage"
    return cut(f"{package_name(kind, package)} - {clean_text(charge)}", LIMITS["product"])


def cut(text: str, limit: int) -> str:
    """Truncate text to ``limit`` characters between graphemes; a truncated text ends with …."""
    if len(text) <= limit:
        return text
    kept = ""
    for grapheme in regex.findall(r"\X", text):
        if len(kept) + len(grapheme) > limit - 1:
            break
        kept += grapheme
    return kept + "…"
