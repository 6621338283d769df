"""How the lines of drafts, their time of finalization and invoices of our own are written, and looked for after a crash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from stripe_sync.apply import verification
from stripe_sync.apply.links import Registry
from stripe_sync.apply.resources.item_tax import taxed
from stripe_sync.apply.resources.recovery import listed
from stripe_sync.clients.stripe.client import StripeApi, Written
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.core import ownership
from stripe_sync.core.errors import RowFailed
from stripe_sync.core.money import plain
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.plan.actions import Action

IDENTIFIER = 100  # characters
EVENTS = "/v1/billing/meter_events"
ITEMS, INVOICES = PATHS["invoiceitem"], PATHS["invoice"]
Row = dict[str, Any]


def own_mark(action: Action, registry: Registry) -> dict[str, str]:
    return {ownership.FIELD: registry.signer.mark(action.target)}


def priced(action: Action, registry: Registry) -> dict[str, Any]:
    """Return a quantity at a unit amount, on the charge's product, with the tax fields."""
    after = action.after
    price = {
        "currency": after["currency"],
        "product": registry.resolve(after["product"]),
        "unit_amount_decimal": plain(Decimal(after["unit_amount"])),
    }
    content = {
        "price_data": price,
        "quantity_decimal": plain(Decimal(after["quantity"])),
        "discountable": after["discountable"],
    }
    return taxed(content, registry.tax_of(), after.get("tax_rates", ()))


def send_put(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    after = action.after
    params: Any = {
        "customer": after["customer"],
        "invoice": registry.get(after["invoice"]) or after["invoice"],
        **({"subscription": after["subscription"]} if "subscription" in after else {}),
        "description": after["description"],
        "period": {"start": after["start"], "end": after["end"]},
        "metadata": own_mark(action, registry),
        **priced(action, registry),
    }
    return api.write(f"post {ITEMS}", lambda c, o: c.v1.invoice_items.create(params, o), idempotency_key=key)


def send_change(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    item = action.after["item"]
    params: Any = priced(action, registry)
    params["period"] = {"start": action.after["start"], "end": action.after["end"]}
    return api.write(
        f"post {ITEMS}/{{id}}", lambda c, o: c.v1.invoice_items.update(item, params, o), idempotency_key=key
    )


def send_remove(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """One that is gone already is done."""
    item = action.after["item"]
    if api.find(f"{ITEMS}/{item}") is None:
        return Written({"id": item, "object": "invoiceitem", "deleted": True}, None)
    return api.write(f"delete {ITEMS}/{{id}}", lambda c, o: c.v1.invoice_items.delete(item, {}, o), idempotency_key=key)


def send_timing(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """Refused where the draft is not finalized at the moment that the decision was made from: a person moved it.

    A hold needs a draft that is on; only a release may switch one on, which we had switched off.
    """
    id = invoice_of(action, registry)
    now = api.get(f"{INVOICES}/{id}")
    wanted = (action.before or {}).get("automatically_finalizes_at")
    is_off = action.kind == "draft.hold" and not now["auto_advance"]
    if now["status"] != "draft" or now["automatically_finalizes_at"] != wanted or is_off:
        raise RowFailed(
            ReasonCode.CHANGED_SINCE, f"{id} is {now['status']}, or somebody moved its finalization; it is left alone."
        )
    params: Any = dict(action.after)
    return api.write(f"post {INVOICES}/{{id}}", lambda c, o: c.v1.invoices.update(id, params, o), idempotency_key=key)


def send_meter_event(api: StripeApi, action: Action, registry: Registry, key: str) -> Written:
    """One event. One whose identifier Stripe has already was sent before (SB 4.7): the meter's summary says what it was."""
    after, how = action.after, action.after["how"]
    params: Any = {
        "event_name": after["event_name"], "timestamp": after["timestamp"], "identifier": identifier(action),
        "payload": {how["customer_key"]: after["customer"], how["value_key"]: after["value"]},
    }  # fmt: skip
    try:
        written = api.write(
            f"post {EVENTS}", lambda c, o: c.v1.billing.meter_events.create(params, o), idempotency_key=key
        )
    except RowFailed as refused:
        if "parameter identifier" not in refused.detail and "duplicate_meter_event" not in refused.detail:
            raise
        written = Written({**params, "object": "billing.meter_event"}, None)
    return Written({**written.object, "id": params["identifier"]}, written.request_id)


def identifier(action: Action) -> str:
    """The identifier of an event: its name, short enough for Stripe."""
    name = str(action.after["identifier"])
    return (
        name
        if len(name) <= IDENTIFIER
        else f"{name[: IDENTIFIER - 33]}-{hashlib.sha256(name.encode()).hexdigest()[:32]}"
    )


def no_trace(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    """An event cannot be looked for: the summary of its meter says what was counted, before anything is sent again."""
    yield from ()


def put_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    """A line that carries the mark and bills what was meant."""
    for row in listed(api, ITEMS, since, customer=action.after["customer"]):
        if registry.signer.key_of((row.get("metadata") or {}).get(ownership.FIELD)) == action.target:
            yield row


def change_candidates(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    row = api.find(f"{ITEMS}/{action.after['item']}")
    if row is not None and not list(
        verification.mismatches(action.after, verification.document(action, row, registry))
    ):
        yield row


def removed(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    item = action.after["item"]
    if api.find(f"{ITEMS}/{item}") is None:
        yield {"id": item, "object": "invoiceitem", "deleted": True}


def timed(api: StripeApi, action: Action, registry: Registry, since: datetime) -> Iterator[Row]:
    row = api.get(f"{INVOICES}/{invoice_of(action, registry)}")
    if not list(verification.mismatches(action.after, verification.document(action, row, registry))):
        yield row


def invoice_of(action: Action, registry: Registry) -> str:
    id = action.target.partition(":")[2]
    return registry.get(id) or id
