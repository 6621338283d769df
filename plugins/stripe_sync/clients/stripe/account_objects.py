"""Objects of an account in the form of a snapshot: as complete as the lists of an extract show them.

Stripe's defaults leave rows out: inactive prices, canceled subscriptions, items after the tenth, tiers, the source of a
discount. These are requested explicitly. Of invoices, drafts are read, and open ones of creations and changes, whose payment
may be in progress for days.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import EXPANDED, PATHS, in_list
from stripe_sync.clients.stripe.nested_lists import with_items, with_lines
from stripe_sync.clients.stripe.pages import Filters
from stripe_sync.core.errors import EntityError
from stripe_sync.domain.actual.payment_processing import OF_A_WRITE
from stripe_sync.domain.model.stripe_status import InvoiceStatus

LISTS: dict[str, tuple[str, tuple[Filters, ...]]] = {
    "product": (PATHS["product"], ({},)),
    "price": (PATHS["price"], tuple({"active": active, "expand": in_list("price")} for active in (True, False))),
    "coupon": (PATHS["coupon"], ({},)),
    "customer": (PATHS["customer"], ({"expand": in_list("customer")},)),
    "subscription": (PATHS["subscription"], ({"status": "all", "expand": in_list("subscription")},)),
    "invoice": (
        PATHS["invoice"],
        ({"status": "draft"}, {"status": "open", "collection_method": "charge_automatically"}),
    ),
}


def filters_of(kind: str, *, tax: bool) -> tuple[Filters, ...]:
    """Return the filters of the lists of a kind; with ``tax``, customers include Stripe Tax's state of their location."""
    if kind == "customer" and tax:
        return ({"expand": [*in_list("customer"), "data.tax"]},)
    return LISTS[kind][1]


def completed(api: StripeApi, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return an object with its complete nested lists: a subscription's items, a draft's lines."""
    if kind == "invoice":
        return with_lines(api, row) if row["status"] == InvoiceStatus.DRAFT else row
    return complete_subscription(api, row) if kind == "subscription" else row


def complete_subscription(api: StripeApi, subscription: dict[str, Any]) -> dict[str, Any]:
    """Return a subscription with all of its items and its untaxed invoices."""
    return with_items(api, with_untaxed_invoices(api, subscription))


def with_untaxed_invoices(api: StripeApi, subscription: dict[str, Any]) -> dict[str, Any]:
    """Add the finalized invoices on which Stripe switched automatic tax off, where it did so on the subscription (SB 17.2)."""
    if not (subscription.get("automatic_tax") or {}).get("disabled_reason"):
        return subscription
    invoices = (i for page in api.pages(LISTS["invoice"][0], subscription=subscription["id"]) for i in page)
    untaxed = [
        {"id": i["id"], "total": i["total"], "currency": i["currency"]}
        for i in invoices
        if i["status"] in (InvoiceStatus.OPEN, InvoiceStatus.PAID, InvoiceStatus.UNCOLLECTIBLE)
        and (i.get("automatic_tax") or {}).get("disabled_reason")
    ]
    return subscription | {"untaxed_invoices": untaxed}


def by_id(api: StripeApi, kind: str, id: str, *, tax: bool = False) -> dict[str, Any]:
    """Read one object in the form of a list; a deleted one is a tombstone."""
    expand = [*EXPANDED.get(kind, ()), *(["tax"] if tax and kind == "customer" else ())] or None
    found = expanded(api, f"{LISTS[kind][0]}/{id}", expand)
    if found is None or found.get("deleted"):
        return {"id": id, "object": kind, "deleted": True}
    return completed(api, kind, found)


def expanded(api: StripeApi, path: str, expand: list[str] | None) -> dict[str, Any] | None:
    """Read one object with its expanded parts; Stripe may refuse ``expand`` for a deleted object."""
    try:
        return api.find(path, expand=expand)
    except EntityError as refused:
        if not expand or "parameter expand" not in refused.detail:
            raise
        return api.find(path)


def invoices(api: StripeApi) -> Iterator[dict[str, Any]]:
    """Yield the current invoices of a snapshot: drafts, and open ones of creations and changes."""
    path, filters = LISTS["invoice"]
    for given in filters:
        for page in api.pages(path, **given):
            yield from (completed(api, "invoice", row) for row in page if is_kept("invoice", row))


def is_kept(kind: str, row: dict[str, Any]) -> bool:
    """Return whether a row belongs in a snapshot; of open invoices only those of creations and changes."""
    return kind != "invoice" or row["status"] == InvoiceStatus.DRAFT or row["billing_reason"] in OF_A_WRITE
