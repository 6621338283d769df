"""The tax fields of every invoice item that the pipeline writes (BILLING 3).

Pure. One-off items inherit no manual rates of their subscription (SB 3.4), so each item names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Params = dict[str, Any]


def taxed(params: Mapping[str, Any], settings: Mapping[str, str], rates: Sequence[str] = ()) -> Params:
    """Return the parameters of an item with its tax fields.

    ``settings`` are ``tax_code`` and ``tax_behavior`` while the environment has tax on, else empty; they are sent with an
    amount of its own (``price_data``), since a price has them already. ``rates`` are the ids of the manual tax rates of
    the invoice or subscription that the item is for.
    """
    found = dict(params)
    if "price_data" in params and settings:
        found |= settings
        found["price_data"] = {**params["price_data"], "tax_behavior": settings["tax_behavior"]}
    if rates:
        found["tax_rates"] = list(rates)
    return found
