"""Invoices: the finalization time of drafts, and the pipeline's final invoice of a subscription.

The final invoice is created with ``auto_advance`` off, filled, then switched on or deleted.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import UNSET, structs

from stripe_sync.apply.resource import Call, Handler, Resource
from stripe_sync.apply.resources.coupon import COUPONS
from stripe_sync.clients.stripe.answers import Found, Written
from stripe_sync.clients.stripe.collection import Collection
from stripe_sync.clients.stripe.endpoints import PATHS
from stripe_sync.clients.stripe.parameters.catalog import NewCoupon
from stripe_sync.clients.stripe.parameters.encoding import CLEARED, AutomaticTaxParams, DiscountParams
from stripe_sync.clients.stripe.parameters.invoices import InvoiceTiming, NewInvoice
from stripe_sync.core.errors import EntityError, Transient, UnknownShape
from stripe_sync.core.reasons import ReasonCode
from stripe_sync.domain.model.documents import Document
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.plan.actions import Action, ActionKind
from stripe_sync.domain.usage import final_terms


def id_of(call: Call) -> str:
    """Return the id of the target's invoice; for a final invoice that of its link."""
    id = call.action.target.partition(":")[2]
    return call.links.get(id) or id


def _own_id(call: Call) -> str:
    return call.action.target.partition(":")[2]


def _set_time(call: Call, key: str) -> Written:
    """Set the finalization time. Raises EntityError ``CHANGED_SINCE`` where it differs from the one of the decision.

    A hold requires ``auto_advance``; only a release may switch it on again.
    """
    id = id_of(call)
    now = _read_draft(call, id).object
    expected = (call.action.before or {}).get("automatically_finalizes_at")
    is_off = call.action.kind == ActionKind.DRAFT_HOLD and not now["auto_advance"]
    if now["status"] != InvoiceStatus.DRAFT or now["automatically_finalizes_at"] != expected or is_off:
        raise EntityError(
            ReasonCode.CHANGED_SINCE,
            f"{id} is {now['status']}, or its finalization time was changed in Stripe; it is not changed.",
        )
    after = call.action.after
    moment = after.get("automatically_finalizes_at", UNSET)
    timing = InvoiceTiming(auto_advance=after["auto_advance"], automatically_finalizes_at=moment)
    return INVOICES.update(call.api, id, timing, key=key)


def _read_draft(call: Call, id: str) -> Found:
    """Return an invoice; a draft that cannot be read alone as the list of drafts shows it, so that it can be held."""
    try:
        return Found(call.api.get(f"{INVOICES.path}/{id}"))
    except (Transient, UnknownShape):
        pages = call.api.pages(INVOICES.path, status=InvoiceStatus.DRAFT.value)
        found = next((row for page in pages for row in page if row["id"] == id), None)
        if found is None:
            raise
        return Found(found)


def _read(call: Call) -> Found:
    return Found(call.api.get(f"{INVOICES.path}/{id_of(call)}"))


def _draft_document(call: Call, found: Found) -> Document:
    """Return the finalization time, the customer and the collection method."""
    after = call.action.after
    names = ("automatically_finalizes_at", "auto_advance", "customer", "currency", "collection_method")
    return {name: found.object.get(name) for name in names if name in after} | {
        name: after[name] for name in ("days_until_due",) if name in after
    }


def create(call: Call, key: str) -> Written:
    """Create its coupons, then the invoice with ``auto_advance`` off, so that an incomplete one is never finalized."""
    for coupon in _coupons(call.action):
        _create_coupon(call, coupon, key=f"{key}-{coupon.id}")
    return INVOICES.create(call.api, terms(call.action, call.marker()), key=key)


def terms(action: Action, metadata: dict[str, str]) -> NewInvoice:
    """Return the terms of payment, tax and discounts, each as an explicit parameter."""
    after = action.after
    return NewInvoice(
        customer=after["customer"],
        currency=after["currency"],
        collection_method=after["collection_method"],
        discounts=[DiscountParams(coupon=id) for id in after["discounts"]] or CLEARED,
        automatic_tax=AutomaticTaxParams(enabled=after["automatic_tax"]),
        metadata=metadata,
        days_until_due=int(after["days_until_due"]) if "days_until_due" in after else UNSET,
        default_payment_method=after.get("payment_method", UNSET),
        default_source=after.get("source", UNSET),
        default_tax_rates=after.get("default_tax_rates", UNSET),
    )


def _create_coupon(call: Call, coupon: NewCoupon, *, key: str) -> None:
    """Create a coupon for one invoice, unless an earlier attempt created it."""
    if COUPONS.find(call.api, coupon.id) is None:
        COUPONS.create(call.api, coupon, key=key)


def _coupons(action: Action) -> Iterator[NewCoupon]:
    """Yield the coupons that are made for a final invoice."""
    for coupon in action.after.get("coupons", ()):
        found = NewCoupon(id=coupon["id"], duration=coupon["duration"])
        if "percent_off" in coupon:
            yield structs.replace(found, percent_off=float(coupon["percent_off"]))
        else:
            yield structs.replace(found, amount_off=int(coupon["amount_off"]), currency=coupon["currency"])


def _release(call: Call, key: str) -> Written:
    """Delete its coupons, then switch the draft on with its finalization time."""
    id = _own_id(call)
    _delete_coupons(call, key)
    held = call.api.get(f"{INVOICES.path}/{id}")
    if held["status"] != InvoiceStatus.DRAFT or held["auto_advance"]:
        raise EntityError(
            ReasonCode.CHANGED_SINCE, f"{id} is {held['status']}, or it was switched on in Stripe; it is not changed."
        )
    moment = call.action.after["automatically_finalizes_at"]
    timing = InvoiceTiming(auto_advance=True, automatically_finalizes_at=moment)
    return INVOICES.update(call.api, id, timing, key=key)


def _delete(call: Call, key: str) -> Written:
    """Delete a draft that is not billed, with its items."""
    _delete_coupons(call, key)
    return INVOICES.delete_if_there(call.api, _own_id(call), key=key)


def _delete_coupons(call: Call, key: str) -> None:
    """Delete the coupons of one invoice; its discounts are kept."""
    for id in call.action.after.get("coupons", ()):
        COUPONS.delete_if_there(call.api, id, key=f"{key}-{id}")


def _recover(call: Call, since: datetime) -> Iterator[Found]:
    """Yield the customer's invoices since a time; ours has the ownership marker of the subscription."""
    return INVOICES.created_since(call.api, since, customer=call.action.after["customer"])


def _recover_release(call: Call, since: datetime) -> Iterator[Found]:
    found = INVOICES.find(call.api, _own_id(call))
    if found is not None and (found.object["auto_advance"] or found.object["status"] != InvoiceStatus.DRAFT):
        yield found


def _recover_deletion(call: Call, since: datetime) -> Iterator[Found]:
    return INVOICES.recover_deletion(call.api, _own_id(call))


def _document(call: Call, found: Found) -> Document:
    """Return the terms of a final invoice; coupons are compared by their number."""
    row, after = found.object, call.action.after
    rates = row.get("default_tax_rates") or []
    document: Document = {
        "customer": row["customer"],
        "currency": row["currency"],
        "collection_method": row["collection_method"],
        "auto_advance": row["auto_advance"],
        "automatically_finalizes_at": row.get("automatically_finalizes_at"),
        "automatic_tax": bool((row.get("automatic_tax") or {}).get("enabled")),
        "payment_method": final_terms.id_of(row.get("default_payment_method")),
        "source": final_terms.id_of(row.get("default_source")),
        "default_tax_rates": [final_terms.id_of(rate) for rate in rates],
    }
    target = after.get("discounts", [])
    document["discounts"] = target if len(row.get("discounts") or ()) == len(target) else row.get("discounts")
    document |= {name: after[name] for name in ("days_until_due", "coupons") if name in after}
    return {name: value for name, value in document.items() if name in after}


INVOICES = Collection("invoice", PATHS["invoice"], lambda client: client.v1.invoices)
DRAFT = Resource("draft", _read, _draft_document)
FINAL_INVOICE = Resource("finalinvoice", _read, _document, instructions=frozenset({"coupons"}))
HANDLERS = {
    ActionKind.DRAFT_HOLD: Handler(DRAFT, _set_time, DRAFT.recover_update),
    ActionKind.DRAFT_RELEASE: Handler(DRAFT, _set_time, DRAFT.recover_update),
    ActionKind.FINAL_INVOICE_CREATE: Handler(FINAL_INVOICE, create, _recover),
    ActionKind.FINAL_INVOICE_RELEASE: Handler(FINAL_INVOICE, _release, _recover_release),
    ActionKind.FINAL_INVOICE_DELETE: Handler(FINAL_INVOICE, _delete, _recover_deletion),
}
