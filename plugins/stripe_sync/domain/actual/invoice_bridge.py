"""Bridge from an invoice's total to the amount due (BILLING 13). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def bridge(body: Mapping[str, Any]) -> dict[str, int]:
    """Return ``total``, the applied customer ``balance`` and the amount ``due`` of an invoice.

    Minor units; ``balance`` is negative where a credit was used or a small amount was left as a debt (FACTS_A 20-22).
    """
    balance_change = 0 if body.get("ending_balance") is None else body["starting_balance"] - body["ending_balance"]
    return {"total": int(body["total"]), "balance": int(balance_change), "due": int(body["total"] + balance_change)}
