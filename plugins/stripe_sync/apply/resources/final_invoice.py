"""The invoice of our own at the end of a subscription: made switched off, filled, then switched on, or taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources.recovery import listed
from stripe_sync.clients.stripe.client import StripeApi, Written
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core import ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action

INVOICES, COUPONS = PATHS["invoice"], PATHS["coupon"]
Row = dict[str, Any]


def send_create(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Make the coupons that it needs, then the invoice: switched off, so that a half-built one never goes out."""
    for coupon in action.after.get("coupons", ()):
        make_coupon(api, coupon, f"{key}-{coupon['id']}")
    params: Any = invoice_params(action) | {"metadata": {ownership.FIELD: registry.signer.mark(action.target)}}
    return api.write(f"post {INVOICES}", lambda c, o: c.v1.invoices.create(params, o), idempotency_key=key)


def invoice_params(action: Action) -> dict[str, Any]:
    """Return the terms of payment, tax and discounts, each with an explicit word."""
    after = action.after
    params: dict[str, Any] = {
        "customer": after["customer"], "currency": after["currency"], "collection_method": after["collection_method"],
        "auto_advance": False, "pending_invoice_items_behavior": "exclude",
        "discounts": [{"coupon": id} for id in after["discounts"]] or "",
        "automatic_tax": {"enabled": after["automatic_tax"]},
    }  # fmt: skip
    if "days_until_due" in after:
        params["days_until_due"] = int(after["days_until_due"])
    if "payment_method" in after:
        params["default_payment_method"] = after["payment_method"]
    if "default_tax_rates" in after:
        params["default_tax_rates"] = after["default_tax_rates"]
    return params


def make_coupon(api: StripeApi, coupon: Mapping[str, Any], key: str) -> None:
    """Make a coupon for one invoice, unless an earlier try made it."""
    if api.find(f"{COUPONS}/{coupon['id']}") is not None:
        return
    params: Any = {"id": coupon["id"], "duration": coupon["duration"]}
    if "percent_off" in coupon:
        params["percent_off"] = float(coupon["percent_off"])
    else:
        params |= {"amount_off": int(coupon["amount_off"]), "currency": coupon["currency"]}
    api.write(f"post {COUPONS}", lambda c, o: c.v1.coupons.create(params, o), idempotency_key=key)


def send_release(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Delete the coupons that were made for it, then switch the draft on with its time."""
    id = invoice_of(action)
    delete_coupons(api, action, key)
    held = api.get(f"{INVOICES}/{id}")
    if held["status"] != "draft" or held["auto_advance"]:
        raise RowFailed(
            ReasonCode.CHANGED_SINCE, f"{id} is {held['status']}, or somebody switched it on; it is left alone."
        )
    moment = action.after["automatically_finalizes_at"]
    params: Any = {"auto_advance": True, "automatically_finalizes_at": moment}
    return api.write(f"post {INVOICES}/{{id}}", lambda c, o: c.v1.invoices.update(id, params, o), idempotency_key=key)


def send_delete(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Take away a draft that is not billed, with its items; one that is gone already is done."""
    id = invoice_of(action)
    delete_coupons(api, action, key)
    if api.find(f"{INVOICES}/{id}") is None:
        return Written({"id": id, "object": "invoice", "deleted": True}, None)
    return api.write(f"delete {INVOICES}/{{id}}", lambda c, o: c.v1.invoices.delete(id, {}, o), idempotency_key=key)


def delete_coupons(api: StripeApi, action: Action, key: str) -> None:
    """Delete the coupons that were made for one invoice; its discounts stay."""
    for id in action.after.get("coupons", ()):
        if api.find(f"{COUPONS}/{id}") is not None:
            delete_coupon(api, id, f"{key}-{id}")


def delete_coupon(api: StripeApi, id: str, key: str) -> None:
    api.write(f"delete {COUPONS}/{{id}}", lambda c, o: c.v1.coupons.delete(id, {}, o), idempotency_key=key)


def created(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    """Yield the invoices of the customer that were made since; ours is told by its mark, which names the subscription."""
    yield from listed(api, INVOICES, since, customer=action.after["customer"])


def released(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    row = api.find(f"{INVOICES}/{invoice_of(action)}")
    if row is not None and (row["auto_advance"] or row["status"] != "draft"):
        yield row


def gone(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    id = invoice_of(action)
    if api.find(f"{INVOICES}/{id}") is None:
        yield {"id": id, "object": "invoice", "deleted": True}


def invoice_of(action: Action) -> str:
    return action.target.partition(":")[2]
