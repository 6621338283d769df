"""From what an invoice comes to, to what was asked of the customer (BILLING 13). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def bridge(body: Mapping[str, Any]) -> dict[str, int]:
    """Return how an invoice's ``total`` becomes what was asked for, ``due``: by what it took from the customer's ``balance``.

    Minor units; ``balance`` is negative where a credit was used or a small amount was left as a debt (FACTS_A 20-22).
    """
    moved = 0 if body.get("ending_balance") is None else body["starting_balance"] - body["ending_balance"]
    return {"total": int(body["total"]), "balance": int(moved), "due": int(body["total"] + moved)}
