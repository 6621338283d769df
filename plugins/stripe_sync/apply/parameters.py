"""What each action sends: its ``after`` in Stripe's parameters. Pure, but for the ids that the registry gives."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stripe_sync import marker
from stripe_sync.apply.registry import Registry
from stripe_sync.plan.actions import Action

Params = dict[str, Any]


def metadata(given: Mapping[str, str] | None, registry: Registry) -> dict[str, str]:
    """Metadata with the link key turned into its mark. Only our keys are sent, so foreign ones stay."""
    result = dict(given or {})
    if marker.FIELD in result:
        result[marker.FIELD] = registry.signer.mark(result[marker.FIELD])
    return result


def plain(action: Action, registry: Registry) -> Params:
    """Fields as they are; an absent one is unset with an empty string."""
    fields = {name: "" if value is None else value for name, value in action.after.items() if name != "metadata"}
    if "metadata" in action.after:
        fields["metadata"] = metadata(action.after["metadata"], registry)
    return fields


def product_create(action: Action, registry: Registry) -> Params:
    """The id is our own, so a product cannot be made twice."""
    return {"id": action.target.partition(":")[2], **plain(action, registry)}


def price_create(action: Action, registry: Registry) -> Params:
    """A new price; it takes its lookup_key in the same call."""
    after = action.after
    params: Params = {
        "currency": after["currency"],
        "product": registry.resolve(after["product"]),
        "unit_amount_decimal": after["unit_amount"],
        "billing_scheme": after["billing_scheme"],
        "recurring": {
            "interval": after["interval"],
            "interval_count": int(after["interval_count"]),
            "usage_type": after["usage_type"],
        },
        "metadata": metadata(after["metadata"], registry),
    }
    return params | with_lookup_key(after)


def price_update(action: Action, registry: Registry) -> Params:
    params = {name: value for name, value in action.after.items() if name == "active"}
    if "metadata" in action.after:
        params["metadata"] = metadata(action.after["metadata"], registry)
    return params | with_lookup_key(action.after)


def with_lookup_key(after: Mapping[str, Any]) -> Params:
    """The lookup_key; it is taken from its holder only where the plan knows that holder as ours."""
    return {name: after[name] for name in ("lookup_key", "transfer_lookup_key") if name in after}


def set_default(action: Action, registry: Registry) -> Params:
    return {"default_price": registry.resolve(action.after["default_price"])}


def subscription_create(action: Action, registry: Registry) -> Params:
    """Flexible billing, and an explicit word on everything that has a default (BILLING 6)."""
    after = action.after
    backdated = "backdate_start_date" in after
    params: Params = {
        "customer": registry.resolve(after["customer"]),
        "items": [
            {"price": registry.resolve(item["price"]), "quantity": int(item["quantity"])} for item in after["items"]
        ],
        "collection_method": after["collection_method"],
        "billing_mode": {"type": "flexible"},
        "billing_cycle_anchor": after["billing_cycle_anchor"],
        "proration_behavior": "create_prorations" if backdated else "none",
        "metadata": metadata(after["metadata"], registry),
    }
    if backdated:
        params["backdate_start_date"] = after["backdate_start_date"]
    if after["collection_method"] == "send_invoice":
        params["days_until_due"] = int(after["days_until_due"])
    else:
        params["payment_behavior"] = "error_if_incomplete"
    return params


def subscription_update(action: Action, registry: Registry, items: Mapping[str, str]) -> Params:
    """The changed fields; ``items`` are the ids of the subscription's items by price version."""
    after, params = action.after, Params()
    if "items" in after:
        params["items"] = changed_items(action, registry, items)
    for name in ("proration_behavior", "proration_date", "collection_method"):
        if name in after:
            params[name] = after[name]
    if after.get("days_until_due") is not None:
        params["days_until_due"] = int(after["days_until_due"])
    if "metadata" in after:
        params["metadata"] = metadata(after["metadata"], registry)
    return params


def changed_items(action: Action, registry: Registry, ids: Mapping[str, str]) -> list[Params]:
    """The items that change: known ones by id and always with a quantity; foreign ones are not named, so they stay.

    A price that goes and one that comes in its slot are one item whose price changes.
    """
    before = {item["price"]: item["quantity"] for item in (action.before or {}).get("items") or ()}
    after = {item["price"]: item["quantity"] for item in action.after["items"]}
    going = [price for price in before if price not in after]
    changes: list[Params] = []
    for price, quantity in after.items():
        sent: Params = {"price": registry.resolve(price), "quantity": int(quantity)}
        twin = next((old for old in going if old.rpartition("@")[0] == price.rpartition("@")[0]), None)
        if price in before and before[price] != quantity:
            changes.append({"id": ids[price], "quantity": int(quantity)})
        elif price not in before and twin is not None:
            going.remove(twin)
            changes.append({"id": ids[twin], **sent})
        elif price not in before:
            changes.append(sent)
    return changes + [{"id": ids[price], "deleted": True} for price in going]
