"""Everything of a Stripe account that this pipeline compares, as rows of its mirror.

Stripe's defaults hide rows: prices that are not active, subscriptions that are canceled, items after the tenth, tiers,
what is behind a discount, and whatever was deleted. Each is asked for; a linked object that no list shows is read by its
id, because absence is not deletion (invariant 5). Of invoices, the drafts are read, and the open ones of creations and
changes, whose payment may be under way for days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.clients.stripe.endpoints import PATHS, WHOLE, in_list
from stripe_sync.clients.stripe.whole import with_items, with_lines
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import AccountRefused, RowFailed
from stripe_sync.domain.actual.payment_processing import OF_A_WRITE
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.jobs.extract.ranges import Finished, Listing, pages
from stripe_sync.warehouse.snapshots.staging import Batch, Landed

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
    """All rows of all kinds that lists show, created up to a moment; what is ``finished`` is not read again.

    With ``tax``, customers are read with what Stripe Tax says of their location. ``readers`` requests are under way at once.
    """
    upto = epoch(upper_bound)
    for kind, page, done in pages(api.page, listings(tax=tax), upto=upto, readers=readers, finished=finished):
        for row in page:
            refuse_mode(kind, row, live=live)
        rows = [(kind, row["id"], completed(api, kind, row)) for row in page if is_kept(kind, row)]
        yield Batch(rows, (done.listing.key, done.above, done.upto) if done is not None else None)


def listings(*, tax: bool) -> list[Listing]:
    """Every list that shows something of ours."""
    return [
        Listing(kind, path, given | {"expand": [*given["expand"], "data.tax"]} if tax and kind == "customer" else given)
        for kind, (path, filters) in LISTS.items()
        for given in filters
    ]


def refuse_mode(kind: str, row: dict[str, Any], *, live: bool) -> None:
    """Raises AccountRefused for an object of the other mode (invariant 6)."""
    if row.get("livemode", live) is not live:
        raise AccountRefused(
            f"Stripe answered a {kind} of the {'test' if live else 'live'} mode; the environment is "
            f"{'live' if live else 'not live'}: correct the key or the setting live."
        )


def completed(api: StripeApi, kind: str, row: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the rows of its lists that an answer leaves out: a subscription's items, a draft's lines."""
    if kind == "invoice":
        return with_lines(api, row) if row["status"] == InvoiceStatus.DRAFT else row
    return whole(api, row) if kind == "subscription" else row


def whole(api: StripeApi, subscription: dict[str, Any]) -> dict[str, Any]:
    """Return a subscription with all of its items, of which a list shows ten, and its untaxed invoices, if it has any."""
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


def named(api: StripeApi, ids: Iterable[tuple[str, str]], *, tax: bool) -> Iterator[Landed]:
    """The objects of these (kind, id), each read by its id."""
    for kind, id in ids:
        yield kind, id, by_id(api, kind, id, tax=tax)


def by_id(api: StripeApi, kind: str, id: str, *, tax: bool = False) -> dict[str, Any]:
    """One object as a list would show it: as it is, or a stone that says it is gone."""
    expand = [*WHOLE.get(kind, ()), *(["tax"] if tax and kind == "customer" else ())] or None
    found = expanded(api, f"{LISTS[kind][0]}/{id}", expand)
    if found is None or found.get("deleted"):
        return {"id": id, "object": kind, "deleted": True}
    return completed(api, kind, found)


def expanded(api: StripeApi, path: str, expand: list[str] | None) -> dict[str, Any] | None:
    """Return one object with what was asked for; a deleted one has nothing to expand, which Stripe may refuse."""
    try:
        return api.find(path, expand=expand)
    except RowFailed as refused:
        if not expand or "parameter expand" not in refused.detail:
            raise
        return api.find(path)


def invoices(api: StripeApi) -> Iterator[dict[str, Any]]:
    """Yield the invoices of the mirror as they are now: drafts, and open ones of creations and changes."""
    path, filters = LISTS["invoice"]
    for given in filters:
        for page in api.pages(path, **given):
            yield from (completed(api, "invoice", row) for row in page if is_kept("invoice", row))


def is_kept(kind: str, row: dict[str, Any]) -> bool:
    """Return whether a row belongs into the mirror: of open invoices those that a creation or a change made."""
    return kind != "invoice" or row["status"] == InvoiceStatus.DRAFT or row["billing_reason"] in OF_A_WRITE
