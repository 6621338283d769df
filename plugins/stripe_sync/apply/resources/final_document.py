"""The terms of an invoice of our own as Stripe's answer shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.plan.actions import Action


def document(row: Mapping[str, Any], action: Action) -> Document:
    """Return an invoice's terms in the form in which ``after`` is written; coupons are compared by their number."""
    after = action.after
    method, rates = row.get("default_payment_method"), row.get("default_tax_rates") or []
    found: Document = {
        "customer": row["customer"], "currency": row["currency"], "collection_method": row["collection_method"],
        "auto_advance": row["auto_advance"], "automatically_finalizes_at": row.get("automatically_finalizes_at"),
        "automatic_tax": bool((row.get("automatic_tax") or {}).get("enabled")),
        "payment_method": method["id"] if isinstance(method, dict) else method,
        "default_tax_rates": [rate["id"] if isinstance(rate, dict) else rate for rate in rates],
    }  # fmt: skip
    wanted = after.get("discounts", [])
    found["discounts"] = wanted if len(row.get("discounts") or ()) == len(wanted) else row.get("discounts")
    found |= {name: after[name] for name in ("days_until_due", "coupons") if name in after}
    return {name: value for name, value in found.items() if name in after}
