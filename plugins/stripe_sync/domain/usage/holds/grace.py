"""Grace period of renewal drafts in Stripe, as drafts with an unchanged finalization time show it (BILLING 9). Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from stripe_sync.domain.actual.renewals import CYCLE, is_renewal
from stripe_sync.domain.model.stripe_invoices import StripeInvoice
from stripe_sync.domain.model.stripe_status import InvoiceStatus

MINIMUM_GRACE = 3600  # seconds in which usage is written to a renewal draft and changes are decided


def renewal_grace(invoice: StripeInvoice) -> int | None:
    """Return the grace period of a renewal draft, seconds; None for any other invoice."""
    return finalization_delay(invoice) if is_renewal(invoice) else None


def finalization_delay(invoice: StripeInvoice) -> int | None:
    """Return the seconds from a draft's creation to its finalization; None where it is not finalized automatically."""
    finalizes_at = invoice.automatically_finalizes_at
    is_draft = invoice.status == InvoiceStatus.DRAFT
    return finalizes_at - invoice.created if is_draft and finalizes_at is not None else None


def may_be_short(invoice: StripeInvoice) -> bool:
    """Return whether an invoice may be a renewal draft with less than an hour of grace; only its first lines are read."""
    seconds = finalization_delay(invoice)
    return invoice.billing_reason == CYCLE and seconds is not None and is_short(seconds)


def changed_drafts(events: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of the invoices whose finalization time an ``invoice.updated`` event changed."""
    data = [event["data"] for event in events]
    return {d["object"]["id"] for d in data if "automatically_finalizes_at" in (d.get("previous_attributes") or {})}


def grace_by_invoice(invoices: Iterable[StripeInvoice], rescheduled: Collection[str]) -> dict[str, int]:
    """Return the grace period by renewal draft, seconds. A draft in ``rescheduled`` was given another time and shows none."""
    graces = {invoice.id: renewal_grace(invoice) for invoice in invoices if invoice.id not in rescheduled}
    return {id: seconds for id, seconds in graces.items() if seconds is not None}


def is_short(seconds: int) -> bool:
    """Return whether a grace period is too short to bill usage on the draft."""
    return seconds < MINIMUM_GRACE


def describe_short_drafts(short: Mapping[str, int]) -> str:
    """Return the message about drafts with less than an hour of grace (seconds by invoice)."""
    shown = ", ".join(f"{id} ({seconds // 60} minutes)" for id, seconds in sorted(short.items()))
    return (
        f"Stripe finalizes {shown} earlier than an hour after it was made, and use and what has changed need an hour: set "
        f"the finalization grace period to at least 1 hour in Stripe, Settings, Billing, Invoices."
    )


def alerts_on_run(short: Mapping[str, int], stale: str) -> list[str]:
    """Return the sentences on short drafts (seconds by invoice) and on mirrors that are old (empty: they are fresh)."""
    return [*([describe_short_drafts(short)] if short else []), *([stale] if stale else [])]
