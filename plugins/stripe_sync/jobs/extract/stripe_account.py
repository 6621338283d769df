"""Reads of a Stripe account as snapshot rows.

Stripe's defaults leave rows out: inactive prices, canceled subscriptions, items after the tenth, tiers, the source of a
discount, and deleted objects. These are requested explicitly. A linked object that is in no list is read by its id, because
absence is not deletion (invariant 5). Of invoices, drafts are read, and open ones of creations and changes, whose payment
may be in progress for days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import EXPANDED, PATHS, in_list
from stripe_sync.clients.stripe.nested_lists import with_items, with_lines
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import AccountRefused, EntityError
from stripe_sync.domain.actual.payment_processing import OF_A_WRITE
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.jobs.extract.ranges import Finished, Listing, pages
from stripe_sync.warehouse.snapshots.staging import Batch, StagedRow

KINDS = ("product", "price", "coupon", "customer", "subscription", "invoice")
LISTS: dict[str, tuple[str, tuple[dict[str, Any], ...]]] = {
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


def read(
    api: StripeApi,
    *,
    live: bool,
    upper_bound: datetime,
    tax: bool = False,
    readers: int,
    finished: Finished | None = None,
) -> Iterator[Batch]:
    """Yield batches of all listed rows that were created up to ``upper_bound``, without the ``finished`` ranges.

    With ``tax``, customers include Stripe Tax's state of their location. ``readers`` requests run in parallel.
    """
    upper = epoch(upper_bound)
    for kind, page, done in pages(api.page, listings(tax=tax), upper=upper, readers=readers, finished=finished):
        for row in page:
            refuse_mode(kind, row, live=live)
        rows = [(kind, row["id"], completed(api, kind, row)) for row in page if is_kept(kind, row)]
        yield Batch(rows, (done.listing.key, done.above, done.upper) if done is not None else None)


def listings(*, tax: bool) -> list[Listing]:
    """Return every list of an account's extract."""
    return [
        Listing(kind, path, given | {"expand": [*given["expand"], "data.tax"]} if tax and kind == "customer" else given)
        for kind, (path, filters) in LISTS.items()
        for given in filters
    ]


def refuse_mode(kind: str, row: dict[str, Any], *, live: bool) -> None:
    """Raise AccountRefused for an object in the other mode (invariant 6)."""
    if row.get("livemode", live) is not live:
        raise AccountRefused(
            f"Stripe returned a {kind} in {'test' if live else 'live'} mode, and the environment is "
            f"{'live' if live else 'not live'}. Correct the key or the setting live."
        )


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


def named(api: StripeApi, ids: Iterable[tuple[str, str]], *, tax: bool) -> Iterator[StagedRow]:
    """Yield the objects of these (kind, id), each read by its id."""
    for kind, id in ids:
        yield kind, id, by_id(api, kind, id, tax=tax)


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
