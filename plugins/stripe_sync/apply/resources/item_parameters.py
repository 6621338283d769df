"""What invoice items of changes send: one-off charges, and what an overtaken renewal billed too little."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources.item_tax import taxed
from stripe_sync.core import ownership
from stripe_sync.core.clock import from_epoch
from stripe_sync.domain.plan.actions import Action

Params = dict[str, Any]


def invoice_item_create(action: Action, registry: Registry) -> Params:
    """A one-off charge at its price, or one unit at an amount on an open draft; its mark is what it is found by again."""
    after = action.after
    params: Params = {
        "customer": registry.resolve(after["customer"]),
        "metadata": {ownership.FIELD: registry.signer.mark(action.target)},
    }
    rates = after.get("tax_rates", ())
    if "price" in after:
        params |= {"pricing": {"price": registry.resolve(after["price"])}, "quantity": int(after["quantity"])}
        return taxed(params | {"subscription": registry.resolve(after["subscription"])}, registry.tax_of(), rates)
    start = from_epoch(after["from"])
    text = f"Change before the renewal of {start:%Y-%m-%d}"
    price = {
        "currency": after["currency"],
        "product": registry.get(after["product"]) or after["product"],
        "unit_amount_decimal": Decimal(after["amount"]),
    }
    content = {"invoice": after["invoice"], "price_data": price, "quantity": 1, "description": text}
    return taxed(params | content, registry.tax_of(), rates)
