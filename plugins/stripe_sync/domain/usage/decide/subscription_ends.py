"""Usage of subscriptions that ended: drafts that sell a period after the end bill none of it (BILLING 7). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from stripe_sync.core.clock import epoch, from_epoch
from stripe_sync.core.ownership import Signer
from stripe_sync.domain.actual import successors
from stripe_sync.domain.actual.endings import is_sold_after
from stripe_sync.domain.actual.renewals import is_renewal
from stripe_sync.domain.actual.stigg_end import End, end_of
from stripe_sync.domain.actual.stripe_objects import ENDED_STATUSES
from stripe_sync.domain.model.inputs import Inputs
from stripe_sync.domain.model.stripe_status import InvoiceStatus
from stripe_sync.domain.usage import drafts
from stripe_sync.domain.usage.bills import Invoice
from stripe_sync.domain.usage.charges import LONGEST_GRACE
from stripe_sync.domain.usage.holds.draft_hold import DraftHold
from stripe_sync.domain.usage.ledger import Drain, UsageState
from stripe_sync.domain.usage.windows import Window

SENT = (UsageState.SUBMITTED, UsageState.VERIFIED)
STOPPED = "Its subscription is canceled, which stops it."
ON_FINAL_INVOICE = "Its draft sells a period after the end; it goes on the final invoice."


@dataclass(frozen=True, kw_only=True)
class EndDecision:
    """Invoices that sell a period after an end: ids that are owed again and that are not, holds that ended, movements."""

    owed: tuple[str, ...] = ()
    unowed: tuple[str, ...] = ()
    holds: tuple[DraftHold, ...] = ()
    drains: tuple[Drain, ...] = ()


def ending_subscriptions(inputs: Inputs) -> frozenset[str]:
    """Return the Stripe subscriptions that ended, or that the next reconcile cancels because nothing follows them in Stigg."""
    ended_there = {s.id for s in inputs.stripe.subscriptions.values() if s.status in ENDED_STATUSES}
    resolutions = successors.resolutions(inputs)
    to_end = {
        inputs.link_key("subscription", id) for id, resolution in resolutions.items() if resolution.kind == "cancelled"
    }
    return frozenset(ended_there | {inputs.links.ids[key] for key in to_end if key in inputs.links.ids})


def living_subscriptions(inputs: Inputs) -> frozenset[str]:
    """Return the Stripe subscriptions that are not canceled there, as the mirror shows them."""
    return frozenset(s.id for s in inputs.stripe.subscriptions.values() if s.status not in ENDED_STATUSES)


def ends_in_stigg(inputs: Inputs, ending: Iterable[str]) -> dict[str, End]:
    """Return when subscriptions ended, or became free, in Stigg, by Stripe id; ``ending`` are those that are to end in Stripe."""
    chosen = set(ending)
    ends: dict[str, End] = {}
    for subscription in inputs.stigg.subscriptions:
        id = inputs.links.ids.get(inputs.link_key("subscription", subscription.subscription_id), "")
        end = end_of(inputs, subscription, inputs.stripe.subscriptions.get(id)) if id in chosen else None
        if end is not None:
            ends[id] = end
    return ends


def is_unowed(invoice: Invoice, ends: Mapping[str, End]) -> bool:
    """Return whether a renewal's invoice sells a period that begins after the end of its subscription."""
    end = ends.get(invoice.subscription)
    return end is not None and is_renewal(invoice.stripe) and is_sold_after(epoch(invoice.bound), end.moment)


def renewed_after(inputs: Inputs, ends: Mapping[str, End], *, now: datetime) -> set[str]:
    """Return the subscriptions that are to end and of which a renewal after the end may be a draft now."""
    return {
        id
        for id, end in ends.items()
        if (held := inputs.stripe.subscriptions.get(id)) is not None
        and held.status not in ENDED_STATUSES
        and any(
            is_sold_after(bound, end.moment) and from_epoch(bound) <= now < from_epoch(bound) + LONGEST_GRACE
            for item in held.items.data
            for bound in (item.current_period_start, item.current_period_end)
        )
    }


def unfinished_ends(
    windows: Iterable[Window],
    ends: Mapping[str, End],
    *,
    drafts_of_ended: Iterable[Invoice],
    invoices: Iterable[Invoice],
    signer: Signer,
) -> set[str]:
    """Return the subscriptions with windows on a draft that is not owed, or on an own invoice that is to be switched on.

    ``invoices`` are those that may bill the windows.
    """
    unowed = {i.invoice for i in drafts_of_ended if is_unowed(i, ends)}
    switched_off = {i.invoice for i in invoices if is_own_draft(i, signer) and not i.stripe.auto_advance}
    return {w.subscription for w in windows if w.state in SENT and w.invoice in unowed | switched_off}


def is_own_draft(invoice: Invoice, signer: Signer) -> bool:
    """Return whether a draft is an own invoice, which is filled and proven before it is switched on."""
    return invoice.status == InvoiceStatus.DRAFT and drafts.is_final(invoice, signer)


def decide_ends(
    ends: Mapping[str, End],
    living: Collection[str],
    *,
    unowed_drafts: Iterable[Invoice],
    invoices_of_ended: Iterable[Invoice],
    windows: Iterable[Window],
    holds: Mapping[str, DraftHold],
) -> EndDecision:
    """Decide which invoices are not owed, and move the windows that were proven on their drafts back.

    One that became final before the end was seen bills the usage that is on it already, and nothing more. A draft of a
    ``living`` subscription that is not to end any more is owed again; of a canceled one the hold is over. ``unowed_drafts``
    are those that were not owed before, ``holds`` the live ones of the pipeline.
    """
    before = list(unowed_drafts)
    unowed = [i for i in invoices_of_ended if is_unowed(i, ends)]
    left = {invoice.invoice for invoice in unowed if invoice.status == InvoiceStatus.DRAFT}
    return EndDecision(
        owed=tuple(i.invoice for i in before if i.subscription in living and not is_unowed(i, ends)),
        unowed=tuple(invoice.invoice for invoice in unowed),
        holds=tuple(
            replace(holds[i.invoice], held=False, reason=STOPPED)
            for i in before
            if i.invoice in holds and i.subscription not in living and not i.stripe.auto_advance
        ),
        drains=tuple(
            Drain(window=w.id, sources=SENT, target=UsageState.PENDING, reason=ON_FINAL_INVOICE)
            for w in windows
            if w.state in SENT and w.invoice in left
        ),
    )
