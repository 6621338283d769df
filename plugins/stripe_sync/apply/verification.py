"""Whether an object of Stripe's is what an action wanted: the same canonical form on both sides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources import final_document
from stripe_sync.core.money import is_rounding, plain
from stripe_sync.domain.actual import stripe_objects
from stripe_sync.domain.model.documents import Claim, Document
from stripe_sync.domain.model.inputs import ENDED
from stripe_sync.domain.model.stripe import (
    StripeCoupon,
    StripeCustomer,
    StripePrice,
    StripeProduct,
    StripeSubscription,
    decode,
)
from stripe_sync.domain.plan.actions import Action

# Parts of an ``after`` that say how to write and are not fields of the object.
HOW = frozenset(
    {
        "anchor", "billing_cycle_anchor", "anchor_config", "backdate_start_date", "proration_behavior", "proration_date", "transfer_lookup_key",
        "attach", "one_off", "charged", "ended_in_stigg", "ended_between", "coupons", "percent_off", "amount_off", "duration",
        "duration_in_months", "from", "how", "credit", "payment_behavior", "default_payment_method",
    }
)  # fmt: skip


def document(action: Action, answer: Mapping[str, Any], registry: Registry) -> Document:
    """The answer's fields, in the form in which ``after`` and ``before`` are written."""
    kind, row, reading = action.noun, dict(answer), registry.reading()
    if action.kind in ("stigg.provision", "stigg.name"):
        return {"billing": reading.known.get(row.get("billingId") or "", row.get("billingId"))}
    if kind == "checkout":
        customer = row["customer"] or ""
        held = {"mode": row["mode"], "reference": row["client_reference_id"]}
        return held | {"customer": reading.known.get(customer, customer)}
    if kind == "stigg":
        return {"ended": True if row["status"] in ENDED else None}
    if row.get("deleted"):
        return {"deleted": True}
    if kind == "usageline":
        return usage_line_document(row, action, registry)
    if kind == "meterevent":
        how = action.after["how"]
        told = {"value": row["payload"].get(how["value_key"]), "customer": row["payload"].get(how["customer_key"])}
        return told | {"event_name": row["event_name"], "timestamp": row["timestamp"],
                       "identifier": action.after["identifier"]}  # fmt: skip
    if kind == "finalinvoice":
        return final_document.document(row, action)
    if kind == "draft":
        return invoice_document(row, action)
    if kind == "product":
        product = decode(row, StripeProduct)
        default = reading.known.get(product.default_price or "", product.default_price)
        return stripe_objects.product_claim(reading, product, action.target).document | {"default_price": default}
    if kind == "price":
        return price_document(decode(row, StripePrice), reading)
    if kind == "coupon":
        return stripe_objects.coupon_claim(reading, decode(row, StripeCoupon), action.target).document
    if kind == "customer":
        return stripe_objects.customer_claim(reading, decode(row, StripeCustomer), action.target).document
    if kind == "invoiceitem":
        return invoice_item_document(row, action, reading)
    subscription = decode(row, StripeSubscription)
    claim = stripe_objects.subscription_claim(reading, subscription, action.target)
    return claim.document | {"status": subscription.status, "schedule": subscription.schedule}


def price_document(price: StripePrice, reading: stripe_objects.Reading) -> Document:
    fields = {
        "active": price.active,
        "lookup_key": price.lookup_key,
        "product": reading.known.get(price.product, price.product),
        "tax_behavior": reading.tax_behavior(price),
        "metadata": stripe_objects.own_metadata(reading, price.metadata),
    }
    return {**price.content(), **fields}


def invoice_item_document(row: Mapping[str, Any], action: Action, reading: stripe_objects.Reading) -> Document:
    """An invoice item, which has to be the customer's, of the amount or of the price that was wanted."""
    pricing = (row.get("pricing") or {}).get("price_details") or {}
    parent = ((row.get("parent") or {}).get("subscription_details") or {}).get("subscription")
    document = {
        "customer": reading.known.get(row["customer"], row["customer"]),
        "price": reading.known.get(pricing.get("price") or "", pricing.get("price")),
        "product": reading.known.get(pricing.get("product") or "", pricing.get("product")),
        "quantity": str(row["quantity"]),
        "amount": str(row["amount"]),
        "currency": row["currency"],
        "invoice": row.get("invoice"),
        "subscription": reading.known.get(parent or "", parent) if parent else action.after.get("subscription"),
        "tax_rates": rate_ids(row),
    }
    return {name: value for name, value in document.items() if name in action.after}


def rate_ids(row: Mapping[str, Any]) -> list[str]:
    """Return the ids of the manual tax rates of an invoice item."""
    return [rate["id"] for rate in row.get("tax_rates") or ()]


def usage_line_document(row: Mapping[str, Any], action: Action, registry: Registry) -> Document:
    """A line of use: its quantity, its price and its amount are the proof of what is billed.

    How it is described, and by which id it is changed, are not part of the proof.
    """
    unit = (row.get("pricing") or {}).get("unit_amount_decimal")
    wanted = action.after.get("invoice", "")
    document = {
        **{name: action.after.get(name) for name in ("description", "item", "product")},
        "quantity": plain(Decimal(str(row["quantity_decimal"]))),
        "unit_amount": plain(Decimal(str(unit if unit is not None else row["amount"]))),
        "amount": amount_as_wanted(row, action),
        "start": row["period"]["start"],
        "end": row["period"]["end"],
        "customer": row["customer"],
        "currency": row["currency"],
        "discountable": row["discountable"],
        "subscription": ((row.get("parent") or {}).get("subscription_details") or {}).get("subscription"),
        "invoice": wanted if row.get("invoice") == (registry.get(wanted) or wanted) else row.get("invoice"),
        "tax_rates": rate_ids(row),
    }
    return {name: value for name, value in document.items() if name in action.after}


def amount_as_wanted(row: Mapping[str, Any], action: Action) -> str:
    """A line's amount; the wanted one where Stripe's differs by rounding alone (money.is_rounding)."""
    wanted, amount = action.after.get("amount"), row["amount"]
    rounded = wanted is not None and is_rounding(amount - int(wanted), row["currency"])
    return str(wanted if rounded else amount)


def invoice_document(row: Mapping[str, Any], action: Action) -> Document:
    """An invoice: when it is finalized, whose it is, how it is collected."""
    names = ("automatically_finalizes_at", "auto_advance", "customer", "currency", "collection_method")
    return {name: row.get(name) for name in names if name in action.after} | {
        name: action.after[name] for name in ("days_until_due",) if name in action.after
    }


def mismatches(wanted: Mapping[str, Any] | None, held: Document) -> Iterator[str]:
    """The names of the fields that are not as wanted."""
    for name, value in (wanted or {}).items():
        if name not in HOW and not same(held.get(name), value):
            yield name


def same(held: Any, wanted: Any) -> bool:
    """Equal, where an absent list and an empty one are."""
    return bool(held == wanted or (not held and not wanted and not isinstance(wanted, bool)))


def subscription(action: Action, answer: Mapping[str, Any], registry: Registry) -> Claim:
    """A subscription of Stripe's as a claim: its document, and the ids of its own items and of all its discounts."""
    return stripe_objects.subscription_claim(
        registry.reading(), decode(dict(answer), StripeSubscription), action.target
    )
