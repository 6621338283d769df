"""Stuck invoices among those that Stripe lists: of linked subscriptions and our own, not reported elsewhere. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stripe_sync.core import keys
from stripe_sync.core.ownership import FIELD, Signer
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.plan.owed import INVOICE
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.holds.stuck import Standstill, Stuck, find_standstill
from stripe_sync.domain.usage.holds.unshown_use import UnshownUse

EVERY = timedelta(minutes=20)  # a draft that cannot be taxed is seen within the hour that it waits
UNOWED = (
    "it sold time after the end: finalize it with auto_advance off and void it, or credit it, but never switch it on"
)


@dataclass(frozen=True, kw_only=True)
class Explained:
    """Facts on invoices that have a row or a sentence of their own.

    ``holds`` are the newest of each draft, ``after_end`` has the ids of invoices that are stopped because they sell a period
    after an end, and ``sold`` tells by invoice whether a row about such a sale is open. ``rows`` are ids that are listed,
    ``use`` has the use of drafts of 0 that do not show it, and ``answered`` are the open invoices that a card pays, or nothing.
    """

    holds: Mapping[str, DraftHold]
    after_end: str
    sold: Mapping[str, bool]
    rows: Collection[str] = ()
    use: Mapping[str, UnshownUse] = field(default_factory=dict)
    answered: Collection[str] = ()


def is_list_due(
    last: datetime | None, *, now: datetime, is_any_linked: bool, is_usage_due: bool, is_any_stuck: bool
) -> bool:
    """Return whether Stripe's lists are read: every 20 minutes, where usage is due, and until nothing is stuck any more.

    Never where no subscription is linked. ``last`` is the moment of the last reading (UTC), None before the first.
    """
    is_recent = last is not None and now - last < EVERY
    return is_any_linked and (not is_recent or is_usage_due or is_any_stuck)


def owner_of(invoice: StripeInvoice, signer: Signer) -> str | None:
    """Return the Stripe subscription of an invoice; of our invoice of pending charges, Stigg's id of it."""
    key = signer.key_of((invoice.metadata or {}).get(FIELD)) or ""
    if key.startswith(f"{INVOICE}:"):
        return keys.entity_of(key)[1]
    return drafts.subscription_of(invoice, signer)


def is_watched(invoice: StripeInvoice, linked: Collection[str], *, signer: Signer) -> bool:
    """Return whether an invoice is of a linked subscription, or it or its subscription has our valid ownership marker."""
    owner = owner_of(invoice, signer)
    return owner is not None and (owner in linked or _has_own_marker(invoice, signer))


def _has_own_marker(invoice: StripeInvoice, signer: Signer) -> bool:
    details = invoice.parent.subscription_details if invoice.parent is not None else None
    of_subscription = details.metadata if details is not None else None
    ownership_markers = ((part or {}).get(FIELD) for part in (invoice.metadata, of_subscription))
    return any(signer.key_of(marker) is not None for marker in ownership_markers)


def stuck_rows(
    invoices: Iterable[StripeInvoice], explained: Explained, *, signer: Signer, now: datetime
) -> Iterator[Stuck]:
    """Yield the invoices that stay as they are, and of which nothing else tells."""
    for invoice in invoices:
        owner = owner_of(invoice, signer)
        if owner is None or _is_explained(invoice.id, explained):
            continue
        use = explained.use.get(invoice.id)
        found = find_standstill(
            invoice,
            now=now,
            is_own=FIELD in (invoice.metadata or {}),
            has_use=use is not None,
            is_answered=invoice.id in explained.answered,
        )
        if found is not None:
            way = UNOWED if invoice.id in explained.sold else ""
            yield _row(invoice, owner, found, use=use, way=way)


def _row(invoice: StripeInvoice, owner: str, found: Standstill, *, use: UnshownUse | None, way: str) -> Stuck:
    """Return a row with the amount that is owed, of a draft of 0 with the use that it will bill."""
    amount = invoice.owed() or (use.amount if use is not None else 0)
    why = found.why if use is None or use.is_known else f"{found.why}, and whose use is not known"
    return Stuck(invoice.id, owner, invoice.status, invoice.currency, amount, why, way, found.cause)


def _is_explained(invoice: str, explained: Explained) -> bool:
    """Return whether an invoice has a row, waits for its usage, or is stopped on purpose: its row has both sums and the way out."""
    hold = explained.holds.get(invoice)
    waits_for_usage = hold is not None and hold.is_own_stop() and "usage" in hold.causes
    is_stopped = invoice in explained.after_end or explained.sold.get(invoice, False)
    return invoice in explained.rows or waits_for_usage or is_stopped
