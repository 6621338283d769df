"""The invoices that a cancellation meets, in sentences for the person who decides about it (BILLING 7). Pure; Unix seconds, UTC.

They have ids, amounts and moments alone: nothing that names a customer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from decimal import Decimal

from stripe_sync.core.clock import from_epoch
from stripe_sync.core.money import shown
from stripe_sync.domain.actual.endings import MARGIN, Collected
from stripe_sync.domain.model.stripe_status import COLLECTIBLE, InvoiceStatus

NONE = "It has no draft and no open invoice."
REFUSED = "or is left to a person where Stripe does not switch it on again"  # canceled_draft_advances


def sentences(invoices: Iterable[Collected], *, not_owed: Collection[str], now: int) -> str:
    """Return a sentence on each draft and open invoice of a subscription that is to be canceled: collected, or stopped.

    ``not_owed`` are the ids of those that sell a period after its end.
    """
    found = sorted((i for i in invoices if i.status in COLLECTIBLE), key=lambda i: i.id)
    return " ".join(sentence(i, is_owed=i.id not in not_owed, now=now) for i in found) or NONE


def sentence(invoice: Collected, *, is_owed: bool, now: int) -> str:
    """Return whether a cancellation at this moment has an invoice collected or stopped, with its amount and when it goes out."""
    shown_as = f"{invoice.id} ({invoice.status}, {shown(Decimal(invoice.amount), invoice.currency)})"
    if not invoice.auto_advance:
        until = " until its usage is proven" if invoice.is_ours and is_owed else ""
        return f"{shown_as} stays stopped{until}."
    if is_owed:
        doubt = f", {REFUSED}" if invoice.status == InvoiceStatus.DRAFT else ""
        return f"{shown_as} is collected: {course(invoice, earliest=now + MARGIN)}{doubt}."
    return f"{shown_as} is stopped and not collected, since it came after the end; without that {course(invoice)}."


def course(invoice: Collected, *, earliest: int = 0) -> str:
    """Return when an invoice goes out, not before the ``earliest`` moment; of one that is out, when it is tried again."""
    if invoice.status == InvoiceStatus.DRAFT:
        return f"it goes out at {utc(max(invoice.finalizes_at or 0, earliest))}"
    if invoice.method == "send_invoice":
        return "it is out, and its customer pays it"
    again = f"at {utc(invoice.tried_at)}" if invoice.tried_at is not None else "no more"
    return f"it is out, and Stripe tries it again {again}"


def utc(moment: int) -> str:
    """Return a moment as people read it; 0 is none."""
    return f"{from_epoch(moment):%Y-%m-%d %H:%M} UTC" if moment else "a time that Stripe has not set"
