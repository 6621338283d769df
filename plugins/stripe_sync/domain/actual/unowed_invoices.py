"""Invoices of a canceled subscription that sell a period after its end: none of them is finalized or collected (BILLING 7).

Pure; Unix seconds, UTC. Sources disagree on what a cancellation stops (SB 2.1, C3): drafts and open invoices, or finalized
ones alone. Therefore the invoices are read again after it, and those that Stripe would still collect are switched off.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from stripe_sync.core.clock import from_epoch
from stripe_sync.domain.actual.endings import LEAD, Collected
from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus


def to_stop(there: Iterable[Collected], *, not_owed: Collection[str]) -> list[str]:
    """Return the ids of the invoices that are not owed and that Stripe would still finalize or collect, sorted."""
    return sorted(i.id for i in there if i.id in not_owed and i.auto_advance and i.status in COLLECTIBLE)


def renews_soon(next_renewal: int | None, now: int) -> bool:
    """Return whether a renewal may come between the note and the cancellation, so that its invoice is not in the note."""
    return next_renewal is not None and next_renewal - now <= LEAD


def still_collected(invoice: Collected) -> str:
    """Return the sentence on an invoice after the end that Stripe would still collect; empty where it is stopped or final."""
    if not invoice.auto_advance or invoice.status not in COLLECTIBLE:
        return ""
    course = "finalizes and collects it" if invoice.status == InvoiceStatus.DRAFT else "collects it"
    when = f" at {from_epoch(invoice.finalizes_at):%Y-%m-%d %H:%M} UTC" if invoice.finalizes_at is not None else ""
    return f"Stripe {course}{when}: switch auto_advance of {invoice.id} off by hand."
