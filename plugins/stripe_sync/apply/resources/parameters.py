"""What each action sends: its ``after`` in Stripe's parameters. Pure, but for the ids that the registry gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources.processing import asked_for
from stripe_sync.clients.stripe.endpoints import WHOLE
from stripe_sync.core import keys, ownership
from stripe_sync.domain.actual.stripe_objects import CANCEL_AT, ONCE
from stripe_sync.domain.plan.actions import Action
from stripe_sync.domain.target.timing import anchor_note

Params = dict[str, Any]


def metadata(given: Mapping[str, str] | None, registry: Registry) -> dict[str, str]:
    """Metadata with the link key turned into its mark. Only our keys are sent, so foreign ones stay."""
    result = dict(given or {})
    if ownership.FIELD in result:
        result[ownership.FIELD] = registry.signer.mark(result[ownership.FIELD])
    return result


def plain(action: Action, registry: Registry) -> Params:
    """Fields as they are; an absent one is unset with an empty string."""
    fields = {name: "" if value is None else value for name, value in action.after.items() if name != "metadata"}
    if "metadata" in action.after:
        fields["metadata"] = metadata(action.after["metadata"], registry)
    return fields


def customer_create(action: Action, registry: Registry) -> Params:
    """A customer, on the environment's test clock where it has one."""
    return customer(action, registry) | ({"test_clock": registry.test_clock} if registry.test_clock else {})


def customer(action: Action, registry: Registry) -> Params:
    """Return the fields of a customer, and what its answer has to show so that it is as whole as a read."""
    return {**plain(action, registry), "expand": WHOLE["customer"]}


def strip(action: Action, registry: Registry) -> Params:
    """Our metadata taken off; foreign keys are not named, so they stay."""
    return {"metadata": action.after["how"]["metadata"]}


def product_create(action: Action, registry: Registry) -> Params:
    """The id is our own, so a product cannot be made twice."""
    return {"id": registry.natural_id(action.target), **plain(action, registry)}


def price_create(action: Action, registry: Registry) -> Params:
    """A new price; it takes its lookup_key in the same call. The tiers are asked back, to be compared."""
    after = action.after
    params: Params = {
        "currency": after["currency"],
        "product": registry.resolve(after["product"]),
        "billing_scheme": after["billing_scheme"],
        "metadata": metadata(after["metadata"], registry),
        "expand": WHOLE["price"],
    }
    if "interval" in after:
        params["recurring"] = {
            "interval": after["interval"],
            "interval_count": int(after["interval_count"]),
            "usage_type": after["usage_type"],
        } | ({"meter": after["meter"]} if "meter" in after else {})
    if "tiers" in after:
        params |= {"tiers_mode": after["tiers_mode"], "tiers": [tier(part) for part in after["tiers"]]}
    else:
        params["unit_amount_decimal"] = after["unit_amount"]
    if "divide_by" in after:
        number, _, way = after["divide_by"].partition(":")
        params["transform_quantity"] = {"divide_by": int(number), "round": way}
    if "tax_behavior" in after:
        params["tax_behavior"] = after["tax_behavior"]
    return params | with_lookup_key(after)


def tier(part: Mapping[str, str]) -> Params:
    """One tier; Stripe wants at least one amount, so a free tier says 0."""
    given: Params = {"up_to": "inf" if part["up_to"] == "inf" else int(part["up_to"])}
    amounts = {f"{name}_decimal": part[name] for name in ("unit_amount", "flat_amount") if name in part}
    return given | (amounts or {"unit_amount_decimal": "0"})


def price_update(action: Action, registry: Registry) -> Params:
    params: Params = {name: action.after[name] for name in ("active", "tax_behavior") if name in action.after}
    params["expand"] = WHOLE["price"]
    if "metadata" in action.after:
        params["metadata"] = metadata(action.after["metadata"], registry)
    return params | with_lookup_key(action.after)


def with_lookup_key(after: Mapping[str, Any]) -> Params:
    """The lookup_key; it is taken from its holder only where the plan knows that holder as ours. None gives it up."""
    return {name: after[name] or "" for name in ("lookup_key", "transfer_lookup_key") if name in after}


def coupon_create(action: Action, registry: Registry) -> Params:
    """The id is our own. A fixed amount in several currencies has one as its own and the others as options."""
    after = action.after
    params: Params = {
        "id": registry.natural_id(action.target),
        "duration": after["duration"],
        "metadata": metadata(after["metadata"], registry),
    }
    if "name" in after:
        params["name"] = after["name"]
    if "duration_in_months" in after:
        params["duration_in_months"] = int(after["duration_in_months"])
    if "percent_off" in after:
        return params | {"percent_off": float(after["percent_off"])}
    amounts = {currency: int(amount) for currency, amount in sorted(after["amount_off"].items())}
    own = "usd" if "usd" in amounts else next(iter(amounts))
    params |= {"amount_off": amounts.pop(own), "currency": own}
    options = {currency: {"amount_off": amount} for currency, amount in amounts.items()}
    return params | ({"currency_options": options} if options else {})


def set_default(action: Action, registry: Registry) -> Params:
    default = action.after["default_price"]
    return {"default_price": registry.resolve(default) if default else ""}


def subscription_create(action: Action, registry: Registry) -> Params:
    """Flexible billing, and an explicit word on everything that has a default (BILLING 6)."""
    after = action.after
    charged = "backdate_start_date" in after  # for the running period, from then or, without a moment, from now
    params: Params = {
        "customer": registry.resolve(after["customer"]),
        "items": [priced(item, registry) for item in after["items"]],
        "collection_method": after["collection_method"],
        "billing_mode": {"type": "flexible"},
        "billing_cycle_anchor": after["billing_cycle_anchor"],
        "proration_behavior": "create_prorations" if charged else "none",
        "metadata": metadata(after["metadata"], registry) | own_notes(after),
        "expand": asked_for(action),
        "automatic_tax": {"enabled": bool(after.get("automatic_tax"))},  # a default of the account taxes what omits it
    }
    if after.get("backdate_start_date"):
        params["backdate_start_date"] = after["backdate_start_date"]
    if after["collection_method"] == "send_invoice":
        params["days_until_due"] = int(after["days_until_due"])
    for name in ("payment_behavior", "default_payment_method"):
        if name in after:
            params[name] = after[name]
    if "one_off" in after:
        params["add_invoice_items"] = [priced(item, registry) for item in after["one_off"]]
    if after.get("attach"):
        params["discounts"] = [{"coupon": registry.resolve(key)} for _, key in sorted(after["attach"].items())]
    if "cancel_at" in after:
        params["cancel_at"] = int(after["cancel_at"])
    return params


def subscription_sent(action: Action, registry: Registry) -> Params:
    """Return the parameters of a creation; an anchor whose day a short month took is sent as the day to come back to.

    Stripe takes either a moment or a configuration; the next moment that the configuration names is the anchor.
    """
    params = subscription_create(action, registry)
    if "anchor_config" in action.after:
        del params["billing_cycle_anchor"]
        params["billing_cycle_anchor_config"] = dict(action.after["anchor_config"])
    return params


def priced(item: Mapping[str, str], registry: Registry) -> Params:
    price = {"price": registry.resolve(item["price"])}
    return price if "metered" in item else price | {"quantity": int(item["quantity"])}


def own_notes(after: Mapping[str, Any]) -> dict[str, str]:
    """What we note beside the mark, in the same call: what may happen once, and the end that we asked for."""
    notes = {}
    if "once" in after:
        notes[ONCE] = ",".join(after["once"] or ())
    if "cancel_at" in after:
        notes[CANCEL_AT] = after["cancel_at"] or ""
    return notes


def subscription_update(action: Action, registry: Registry, held: Mapping[str, Any]) -> Params:
    """The changed fields; ``held`` are the facts of the subscription as it is: its own items, and all its discounts.

    Items are named by their ids, and each discount that stays is sent again.
    """
    after = action.after
    params: Params = {"expand": asked_for(action)}
    if "items" in after:
        ids = {price: item["id"] for price, item in held["items"].items()}
        params["items"] = changed_items(action, registry, ids)
    plain = ("proration_behavior", "proration_date", "collection_method", "payment_behavior", "billing_cycle_anchor")
    params |= {name: after[name] for name in plain if name in after}
    if after.get("days_until_due") is not None:
        params["days_until_due"] = int(after["days_until_due"])
    if "discounts" in after:
        params["discounts"] = kept_and_new(after, registry, held["discounts"])
    if "cancel_at" in after:
        params["cancel_at"] = int(after["cancel_at"]) if after["cancel_at"] else ""
    if "automatic_tax" in after:
        params["automatic_tax"] = {"enabled": bool(after["automatic_tax"])}
    noted = own_notes(after) | anchor_note(after, held)
    if "metadata" in after or noted:
        params["metadata"] = metadata(after.get("metadata"), registry) | noted
    return params


def kept_and_new(
    after: Mapping[str, Any], registry: Registry, discounts: Sequence[tuple[str, str | None]]
) -> list[dict[str, str]] | str:
    """Every discount that stays by its own id, ours and foreign; new ones by coupon; an empty text where none is left."""
    wanted = set(after["discounts"] or ())
    kept = [{"discount": id} for id, ref in discounts if ref is None or ref in wanted]
    new = [{"coupon": registry.resolve(key)} for _, key in sorted((after.get("attach") or {}).items())]
    return [*kept, *new] or ""


def subscription_cancel() -> Params:
    """Never an invoice or a credit of Stripe's own making: what is owed is billed by lines of ours (BILLING 7)."""
    return {
        "invoice_now": False,
        "prorate": False,
        "cancellation_details": {"comment": "Ended in Stigg."},
        "expand": WHOLE["subscription"],
    }


def changed_items(action: Action, registry: Registry, ids: Mapping[str, str]) -> list[Params]:
    """The items that change: known ones by id and always with a quantity; foreign ones are not named, so they stay.

    A price that goes and one that comes in its slot are one item whose price changes.
    """
    before = {item["price"]: item["quantity"] for item in (action.before or {}).get("items") or ()}
    after = {item["price"]: item for item in action.after["items"]}
    going = [price for price in before if price not in after]
    changes: list[Params] = []
    for price, item in after.items():
        twin = next((old for old in going if keys.same_charge(old) == keys.same_charge(price)), None)
        if price in before and before[price] != item["quantity"]:
            changes.append({"id": ids[price], "quantity": int(item["quantity"])})
        elif price not in before and twin is not None:
            going.remove(twin)
            changes.append({"id": ids[twin], **priced(item, registry)})
        elif price not in before:
            changes.append(priced(item, registry))
    return changes + [{"id": ids[price], "deleted": True} for price in going]
