"""Reads of a Stripe account as snapshot rows.

A linked object that is in no list is read by its id, because absence is not deletion (invariant 5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from stripe_sync.clients.stripe.account_objects import LISTS, by_id, completed, filters_of, is_kept
from stripe_sync.clients.stripe.client import StripeApi
from stripe_sync.core.clock import epoch
from stripe_sync.core.errors import AccountRefused
from stripe_sync.jobs.extract.ranges import Finished, Listing, pages
from stripe_sync.warehouse.snapshots.staging import Batch, StagedRow

KINDS = ("product", "price", "coupon", "customer", "subscription", "invoice")


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
            refuse_mode(kind, row.get("livemode", live), live=live)
        rows = [StagedRow(kind, row["id"], completed(api, kind, row)) for row in page if is_kept(kind, row)]
        yield Batch(rows, (done.listing.key, done.above, done.upper) if done is not None else None)


def listings(*, tax: bool) -> list[Listing]:
    """Return every list of an account's extract."""
    return [Listing(kind, path, given) for kind, (path, _) in LISTS.items() for given in filters_of(kind, tax=tax)]


def refuse_mode(kind: str, livemode: bool, *, live: bool) -> None:
    """Raise AccountRefused for an object in the other mode (invariant 6)."""
    if livemode is not live:
        raise AccountRefused(
            f"Stripe returned a {kind} in {'test' if live else 'live'} mode, and the environment is "
            f"{'live' if live else 'not live'}. Correct the key or the setting live."
        )


def named(api: StripeApi, ids: Iterable[tuple[str, str]], *, tax: bool) -> Iterator[StagedRow]:
    """Yield the objects of these (kind, id), each read by its id."""
    for kind, id in ids:
        yield StagedRow(kind, id, by_id(api, kind, id, tax=tax))
